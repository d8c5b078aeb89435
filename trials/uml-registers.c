/* Preloaded into user-mode Linux. On a processor with tile registers (AMX) the kernel refuses to
   set floating-point registers from less than all of them, and 6.1 knows none of those: the rest is
   taken from what the process has, with the tiles in their initial state. Nothing in a guest uses
   them. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NT_X86_XSTATE_NOTE = 0x202, XSTATE_HEADER = 512, ALL_BYTES = 16384 };
/* Tile configuration and tile data in the header's first word. */
static const unsigned long long TILES = 3ull << 17;

static long ask(long request, long pid, void *address, void *data) {
  return syscall(SYS_ptrace, request, pid, address, data);
}

static long set_registers(long pid, void *note, struct iovec *given) {
  static char all[ALL_BYTES] __attribute__((aligned(64)));
  struct iovec whole = {all, sizeof all};
  if (given->iov_len >= sizeof all || ask(PTRACE_GETREGSET, pid, note, &whole) < 0 ||
      whole.iov_len <= given->iov_len)
    return ask(PTRACE_SETREGSET, pid, note, given);
  memcpy(all, given->iov_base, given->iov_len);
  *(unsigned long long *)(all + XSTATE_HEADER) &= ~TILES;
  return ask(PTRACE_SETREGSET, pid, note, &whole);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list rest;
  va_start(rest, request);
  long pid = va_arg(rest, pid_t);
  void *address = va_arg(rest, void *);
  void *data = va_arg(rest, void *);
  va_end(rest);
  if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE_NOTE)
    return set_registers(pid, address, data);
  if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSER)
    return ask(request, pid, address, data);
  /* The system call stores the word, the library's function returns it. */
  long word = 0;
  if (ask(request, pid, address, &word) < 0) return -1;
  errno = 0;
  return word;
}
