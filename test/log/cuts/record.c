/*
 * Writes down what a process does to the files below one folder, in order and with contents: loaded
 * into a real node process by LD_PRELOAD. A lock is held from before each system call until its
 * line is written, so that the record's order is the order in which the kernel did it, over all
 * threads. Nothing is changed: each call goes through, and only what succeeded is written down.
 *
 *   STOPLINE_RECORD_ROOT   the folder, as an absolute path without links
 *   STOPLINE_RECORD_FILE   the record, appended to
 *   STOPLINE_RECORD_MARKS  a file outside; each write to it becomes a mark in the record
 *
 * A record is a sequence of: kind, handle, offset, length (four 64-bit numbers, the machine's own
 * byte order) and `length` bytes. See `record.ts` for the kinds. A way of writing that is not
 * followed (a shared mapping, a link, a truncation by name) gets the kind '!' and fails the test.
 *
 * Files whose names end in "-shm" are left out: SQLite's index of the WAL is shared memory, never
 * synced, and made anew by whoever opens the database first after a crash. The test puts noise in
 * its place.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_FD = 4096, MAX_PATH = 1024 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int record = -1;
static char root[MAX_PATH];
static size_t root_length;
static char marks[MAX_PATH];
/* What each descriptor is: 0 none of ours, -1 the marks, else a handle of the record. */
static int64_t handles[MAX_FD];
static int64_t next_handle = 1;

static void put(char kind, int64_t handle, int64_t offset, const void *bytes, size_t length)
{
    int64_t head[4] = { kind, handle, offset, (int64_t)length };
    struct iovec parts[2] = { { head, sizeof head }, { (void *)bytes, length } };
    ssize_t written = syscall(SYS_writev, record, parts, 2);
    if (written != (ssize_t)(sizeof head + length)) abort();
}

static void start(void)
{
    const char *folder = getenv("STOPLINE_RECORD_ROOT");
    const char *file = getenv("STOPLINE_RECORD_FILE");
    const char *mark = getenv("STOPLINE_RECORD_MARKS");
    if (folder == NULL || file == NULL || strlen(folder) >= MAX_PATH) return;
    strcpy(root, folder);
    root_length = strlen(root);
    if (mark != NULL && strlen(mark) < MAX_PATH) strcpy(marks, mark);
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    record = (int)syscall(SYS_openat, AT_FDCWD, file, flags, 0600);
    if (record < 0) abort();
    put('P', 0, 0, NULL, 0);
}

static void lock(void)
{
    pthread_once(&once, start);
    pthread_mutex_lock(&gate);
}

static void unlock(void)
{
    int kept = errno;
    pthread_mutex_unlock(&gate);
    errno = kept;
}

/* The part of a path below the root, or NULL for a file that is not followed. */
static const char *below(const char *path)
{
    size_t length = strlen(path);
    if (record < 0 || strncmp(path, root, root_length) != 0) return NULL;
    if (path[root_length] != '\0' && path[root_length] != '/') return NULL;
    if (length >= 4 && strcmp(path + length - 4, "-shm") == 0) return NULL;
    return path[root_length] == '/' ? path + root_length + 1 : path + root_length;
}

/* The same for a path that may be relative to an open folder. */
static const char *below_at(int dir, const char *path, char *space)
{
    if (path[0] == '/') return below(path);
    if (dir == AT_FDCWD) {
        if (getcwd(space, MAX_PATH) == NULL) return NULL;
    } else {
        char link[64] = "/proc/self/fd/";
        char digits[16];
        int at = 0;
        for (int rest = dir; at == 0 || rest > 0; rest /= 10) {
            digits[at++] = (char)('0' + rest % 10);
        }
        size_t end = strlen(link);
        while (at > 0) link[end++] = digits[--at];
        ssize_t length = readlink(link, space, MAX_PATH - 1);
        if (length < 0) return NULL;
        space[length] = '\0';
    }
    if (strlen(space) + strlen(path) + 2 > MAX_PATH) return NULL;
    strcat(strcat(space, "/"), path);
    return below(space);
}

static int64_t handle_of(int fd)
{
    return fd >= 0 && fd < MAX_FD ? handles[fd] : 0;
}

static bool exists(int dir, const char *path)
{
    struct stat found;
    return syscall(SYS_newfstatat, dir, path, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

static int do_open(int dir, const char *path, int flags, mode_t mode)
{
    char space[MAX_PATH];
    lock();
    bool is_marks = record >= 0 && marks[0] != '\0' && strcmp(path, marks) == 0;
    const char *name = below_at(dir, path, space);
    bool was_there = name == NULL || exists(dir, path);
    int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    if (fd >= MAX_FD) abort();
    if (fd >= 0) handles[fd] = is_marks ? -1 : 0;
    if (fd >= 0 && name != NULL) {
        handles[fd] = next_handle++;
        put(was_there ? 'O' : 'C', handles[fd], 0, name, strlen(name));
        if (was_there && (flags & O_TRUNC) != 0) put('T', handles[fd], 0, NULL, 0);
    }
    unlock();
    return fd;
}

static mode_t mode_of(int flags, va_list rest)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = mode_of(flags, rest);                                                        \
        va_end(rest);                                                                              \
        return do_open(AT_FDCWD, path, flags, mode);                                               \
    }
OPEN(open)
OPEN(open64)

int openat(int dir, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return do_open(dir, path, flags, mode);
}

int close(int fd)
{
    lock();
    if (fd >= 0 && fd < MAX_FD) handles[fd] = 0;
    int result = (int)syscall(SYS_close, fd);
    unlock();
    return result;
}

/* Under the lock: what a write at `offset`, or at the descriptor's own place, did. */
static void wrote(int fd, const void *bytes, ssize_t length, off_t offset)
{
    int64_t handle = handle_of(fd);
    if (length <= 0 || handle == 0) return;
    if (handle < 0) put('K', 0, 0, bytes, (size_t)length);
    else put('W', handle, offset, bytes, (size_t)length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset)
{
    lock();
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, length, offset);
    wrote(fd, bytes, written, offset);
    unlock();
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    /* What is not followed must not wait for a pipe under the lock. */
    if (handle_of(fd) == 0) return syscall(SYS_write, fd, bytes, length);
    lock();
    ssize_t written = syscall(SYS_write, fd, bytes, length);
    off_t end = handle_of(fd) > 0 && written > 0 ? lseek(fd, 0, SEEK_CUR) : written;
    wrote(fd, bytes, written, end - written);
    unlock();
    return written;
}

/* A way of writing that nobody used when this was written: the test must fail, not look away. */
static void unfollowed(int fd, const char *what)
{
    lock();
    if (handle_of(fd) != 0) put('!', handle_of(fd), 0, what, strlen(what));
    unlock();
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    unfollowed(fd, "writev");
    return syscall(SYS_writev, fd, parts, count);
}

int fallocate64(int fd, int mode, off_t offset, off_t length)
{
    unfollowed(fd, "fallocate");
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

ssize_t sendfile64(int out, int in, off_t *offset, size_t count)
{
    unfollowed(out, "sendfile");
    return syscall(SYS_sendfile, out, in, offset, count);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    return sendfile64(out, in, offset, count);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    bool shared = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0;
    if (fd >= 0 && shared) unfollowed(fd, "a shared mapping");
    return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}

int ftruncate64(int fd, off_t size)
{
    lock();
    int result = (int)syscall(SYS_ftruncate, fd, size);
    if (result == 0 && handle_of(fd) > 0) put('T', handle_of(fd), size, NULL, 0);
    unlock();
    return result;
}

static int do_sync(int fd, long call)
{
    lock();
    int result = (int)syscall(call, fd);
    if (result == 0 && handle_of(fd) > 0) put('S', handle_of(fd), 0, NULL, 0);
    unlock();
    return result;
}

int fsync(int fd)
{
    return do_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return do_sync(fd, SYS_fdatasync);
}

int rename(const char *from, const char *to)
{
    char space[2][MAX_PATH];
    char both[2 * MAX_PATH];
    lock();
    const char *old = below_at(AT_FDCWD, from, space[0]);
    const char *new = below_at(AT_FDCWD, to, space[1]);
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (result == 0 && old != NULL && new != NULL) {
        size_t length = strlen(old) + 1;
        strcpy(both, old);
        strcpy(both + length, new);
        put('R', 0, 0, both, length + strlen(new));
    } else if (result == 0 && (old != NULL || new != NULL)) {
        put('!', 0, 0, "rename over the edge", 20);
    }
    unlock();
    return result;
}

static int do_unlink(int dir, const char *path, int flags)
{
    char space[MAX_PATH];
    lock();
    const char *name = below_at(dir, path, space);
    int result = (int)syscall(SYS_unlinkat, dir, path, flags);
    if (result == 0 && name != NULL) put('U', 0, 0, name, strlen(name));
    unlock();
    return result;
}

int unlinkat(int dir, const char *path, int flags)
{
    return do_unlink(dir, path, flags);
}

int unlink(const char *path)
{
    return do_unlink(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return do_unlink(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
    int result = do_unlink(AT_FDCWD, path, 0);
    return result == 0 || errno != EISDIR ? result : do_unlink(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
    char space[MAX_PATH];
    lock();
    const char *name = below_at(AT_FDCWD, path, space);
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (result == 0 && name != NULL) put('M', 0, 0, name, strlen(name));
    unlock();
    return result;
}

static void refuse_by_name(const char *path, const char *what)
{
    char space[MAX_PATH];
    lock();
    if (below_at(AT_FDCWD, path, space) != NULL) put('!', 0, 0, what, strlen(what));
    unlock();
}

int link(const char *from, const char *to)
{
    refuse_by_name(to, "link");
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlink(const char *from, const char *to)
{
    refuse_by_name(to, "symlink");
    return (int)syscall(SYS_symlinkat, from, AT_FDCWD, to);
}

int truncate(const char *path, off_t size)
{
    refuse_by_name(path, "truncate");
    return (int)syscall(SYS_truncate, path, size);
}
