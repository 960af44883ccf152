/* emcc 3.1.6's C library has its own setsockopt and shutdown, which refuse whatever is asked. Linked beside a program,
   these ask its host: compile them together with the program's own files. */

#include <errno.h>
#include <sys/socket.h>

#define HOST(name) __attribute__((import_module("env"), import_name(#name)))

HOST(__syscall_setsockopt) long host_setsockopt(long, long, long, long, long, long);
HOST(__syscall_shutdown) long host_shutdown(long, long, long, long, long, long);

static int answered(long result) {
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

int setsockopt(int socket, int level, int name, const void *value, socklen_t length) {
    return answered(host_setsockopt(socket, level, name, (long)value, length, 0));
}

int shutdown(int socket, int how) {
    return answered(host_shutdown(socket, how, 0, 0, 0, 0));
}
