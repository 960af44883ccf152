/* Loops over single calls of WASI, for benchmarks/wasi.py. A library: each export does `n` of its thing
   and returns 0, or the errno that stopped it. Everything lies in /bench. */

#include <fcntl.h>
#include <unistd.h>
#include <wasi/api.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define PIECE (64 * 1024)

static uint8_t buffer[PIECE];

static int opened(const char *path, int flags) {
    int fd = open(path, flags, 0644);
    if (fd < 0)
        __builtin_trap();
    return fd;
}

/* Copy `n` pieces of 64 KiB from one file to another, both read and written from the start again at their end. */
EXPORT(copy) int copy(int n) {
    static int source = -1, target = -1;
    __wasi_iovec_t into = {buffer, PIECE};
    __wasi_ciovec_t from = {buffer, 0};
    __wasi_filesize_t position;
    __wasi_size_t count;
    __wasi_errno_t error = 0;
    if (source < 0) {
        source = opened("/bench/source", O_RDONLY);
        target = opened("/bench/target", O_WRONLY | O_CREAT);
    }
    while (n > 0) {
        if ((error = __wasi_fd_read(source, &into, 1, &count)))
            return error;
        if (count == 0) {
            if ((error = __wasi_fd_seek(source, 0, __WASI_WHENCE_SET, &position)))
                return error;
            if ((error = __wasi_fd_seek(target, 0, __WASI_WHENCE_SET, &position)))
                return error;
            continue;
        }
        from.buf_len = count;
        if ((error = __wasi_fd_write(target, &from, 1, &count)))
            return error;
        n--;
    }
    return 0;
}

EXPORT(clock) int clock_calls(int n) {
    __wasi_timestamp_t now, before = 0;
    for (; n > 0; n--) {
        __wasi_errno_t error = __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &now);
        if (error)
            return error;
        if (now < before)
            return -1;
        before = now;
    }
    return 0;
}

static int small_writes(int fd, int n) {
    __wasi_ciovec_t from = {(const uint8_t *)"sixteen letters\n", 16};
    __wasi_size_t count;
    for (; n > 0; n--) {
        __wasi_errno_t error = __wasi_fd_write(fd, &from, 1, &count);
        if (error)
            return error;
        if (count != 16)
            return -1;
    }
    return 0;
}

EXPORT(write_file) int write_file(int n) {
    static int fd = -1;
    __wasi_filesize_t position;
    if (fd < 0)
        fd = opened("/bench/small", O_WRONLY | O_CREAT);
    __wasi_errno_t error = __wasi_fd_seek(fd, 0, __WASI_WHENCE_SET, &position);
    return error ? error : small_writes(fd, n);
}

EXPORT(write_stdout) int write_stdout(int n) {
    return small_writes(1, n);
}

EXPORT(random) int random_calls(int n) {
    for (; n > 0; n--) {
        __wasi_errno_t error = __wasi_random_get(buffer, 16);
        if (error)
            return error;
    }
    return 0;
}

EXPORT(status) int status(int n) {
    __wasi_filestat_t found;
    static int fd = -1;
    if (fd < 0)
        fd = opened("/bench/source", O_RDONLY);
    for (; n > 0; n--) {
        __wasi_errno_t error = __wasi_fd_filestat_get(fd, &found);
        if (error)
            return error;
    }
    return 0;
}

EXPORT(open_close) int open_close(int n) {
    for (; n > 0; n--) {
        int fd = open("/bench/sub/file", O_RDONLY);
        if (fd < 0 || close(fd))
            return -1;
    }
    return 0;
}
