/* A disk that fails or is slow, below the folder FAILING_DISK. What is written there after the first FAILS_AFTER bytes
   fails with the error FAILS_WITH, and so does reading a file with UNREADABLE in its path. Each call takes SLOW_MS
   milliseconds. Loaded into a command with LD_PRELOAD: mounting a file system of one's own needs a privilege. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_llong written;

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

static int fails(int fd, size_t size, int reads) {
    const char *folder = getenv("FAILING_DISK"), *unreadable = getenv("UNREADABLE");
    char link[64], path[4096];
    if (!folder) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder))) return 0;
    usleep(1000 * number("SLOW_MS", 0));
    errno = number("FAILS_WITH", EIO);
    if (reads) return unreadable && strstr(path, unreadable);
    return atomic_fetch_add(&written, size) + (long long)size > number("FAILS_AFTER", 1 << 30);
}

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
    return fails(fd, size, 0) ? -1 : REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return fails(fd, size, 0) ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return fails(fd, size, 0) ? -1 : REAL(pwrite64)(fd, data, size, at);
}

ssize_t sendfile64(int fd, int from, off64_t *at, size_t size) {
    return fails(fd, size, 0) ? -1 : REAL(sendfile64)(fd, from, at, size);
}

ssize_t copy_file_range(int from, off64_t *from_at, int fd, off64_t *at, size_t size, unsigned flags) {
    return fails(fd, size, 0) ? -1 : REAL(copy_file_range)(from, from_at, fd, at, size, flags);
}

int fsync(int fd) { return fails(fd, 0, 0) ? -1 : REAL(fsync)(fd); }

ssize_t read(int fd, void *data, size_t size) { return fails(fd, size, 1) ? -1 : REAL(read)(fd, data, size); }

ssize_t pread(int fd, void *data, size_t size, off_t at) {
    return fails(fd, size, 1) ? -1 : REAL(pread)(fd, data, size, at);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
    return fails(fd, size, 1) ? -1 : REAL(pread64)(fd, data, size, at);
}
