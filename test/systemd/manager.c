// Stands for a service manager: binds the socket of argv[1] (`@name` is abstract), says
// "listening", and prints each datagram on a line of its own as `PID TEXT`, its line ends as '|'.
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int count, char **words) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (count != 2 || strlen(words[1]) >= sizeof address.sun_path) return 2;
  size_t length = strlen(words[1]);
  memcpy(address.sun_path, words[1], length);
  if (words[1][0] == '@') address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return 3;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  if (bind(fd, (struct sockaddr *)&address, size) != 0) return 4;
  puts("listening");
  fflush(stdout);
  for (;;) {
    char text[4096];
    char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, 0);
    if (got < 0) return 5;
    text[got] = '\0';
    for (ssize_t at = 0; at < got; at += 1)
      if (text[at] == '\n') text[at] = '|';
    struct ucred sender = {0};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL) memcpy(&sender, CMSG_DATA(header), sizeof sender);
    printf("%d %s\n", (int)sender.pid, text);
    fflush(stdout);
  }
}
