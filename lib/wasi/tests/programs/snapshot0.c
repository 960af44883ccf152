/*
 * WASI snapshot0 for programs written against today's C library.
 *
 * The library calls each function through an import that it declares; this file, linked with a program,
 * defines those names instead, so that every call goes to the namespace "wasi_unstable". Four calls have
 * records or numbers of their own there and are translated, in the guest: the host sees nothing but
 * snapshot0. Types are WebAssembly's; a pointer is an I.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef int32_t I;
typedef int64_t L;

#define IMPORT(name) __attribute__((import_module("wasi_unstable"), import_name(#name)))
#define CALL(name) __imported_wasi_snapshot_preview1_##name

#define SAME(name, parameters, arguments)                                                                              \
    IMPORT(name) I snapshot0_##name parameters;                                                                        \
    I CALL(name) parameters { return snapshot0_##name arguments; }

SAME(args_get, (I a, I b), (a, b))
SAME(args_sizes_get, (I a, I b), (a, b))
SAME(environ_get, (I a, I b), (a, b))
SAME(environ_sizes_get, (I a, I b), (a, b))
SAME(clock_res_get, (I a, I b), (a, b))
SAME(clock_time_get, (I a, L b, I c), (a, b, c))
SAME(fd_advise, (I a, L b, L c, I d), (a, b, c, d))
SAME(fd_allocate, (I a, L b, L c), (a, b, c))
SAME(fd_close, (I a), (a))
I zigs_fd_close(I) __asm__("fd_close|wasi_snapshot_preview1"); /* what zig's part of the library calls it */
I zigs_fd_close(I fd) { return snapshot0_fd_close(fd); }
SAME(fd_datasync, (I a), (a))
SAME(fd_fdstat_get, (I a, I b), (a, b))
SAME(fd_fdstat_set_flags, (I a, I b), (a, b))
SAME(fd_fdstat_set_rights, (I a, L b, L c), (a, b, c))

struct filestat0 {
    uint64_t dev, ino;
    uint8_t filetype;
    uint32_t nlink;
    uint64_t size, atim, mtim, ctim;
};
struct filestat1 {
    uint64_t dev, ino;
    uint8_t filetype;
    uint64_t nlink, size, atim, mtim, ctim;
};
_Static_assert(sizeof(struct filestat0) == 56 && offsetof(struct filestat0, nlink) == 20, "snapshot0's filestat");
_Static_assert(sizeof(struct filestat1) == 64 && offsetof(struct filestat1, nlink) == 24, "snapshot1's filestat");

static void translate(const struct filestat0 *from, struct filestat1 *to) {
    *to = (struct filestat1){from->dev, from->ino, from->filetype, from->nlink, from->size, from->atim, from->mtim, from->ctim};
}

IMPORT(fd_filestat_get) I snapshot0_fd_filestat_get(I, I);
I CALL(fd_filestat_get)(I fd, I result) {
    struct filestat0 old;
    I error = snapshot0_fd_filestat_get(fd, (I)&old);
    if (!error) translate(&old, (struct filestat1 *)result);
    return error;
}

SAME(fd_filestat_set_size, (I a, L b), (a, b))
SAME(fd_filestat_set_times, (I a, L b, L c, I d), (a, b, c, d))
SAME(fd_pread, (I a, I b, I c, L d, I e), (a, b, c, d, e))
SAME(fd_prestat_get, (I a, I b), (a, b))
SAME(fd_prestat_dir_name, (I a, I b, I c), (a, b, c))
SAME(fd_pwrite, (I a, I b, I c, L d, I e), (a, b, c, d, e))
SAME(fd_read, (I a, I b, I c, I d), (a, b, c, d))
SAME(fd_readdir, (I a, I b, I c, L d, I e), (a, b, c, d, e))
SAME(fd_renumber, (I a, I b), (a, b))

IMPORT(fd_seek) I snapshot0_fd_seek(I, L, I, I);
I CALL(fd_seek)(I fd, L offset, I whence, I result) {
    static const I old[] = {2, 0, 1}; /* set, cur, end */
    return snapshot0_fd_seek(fd, offset, old[whence], result);
}

SAME(fd_sync, (I a), (a))
SAME(fd_tell, (I a, I b), (a, b))
SAME(fd_write, (I a, I b, I c, I d), (a, b, c, d))
SAME(path_create_directory, (I a, I b, I c), (a, b, c))

IMPORT(path_filestat_get) I snapshot0_path_filestat_get(I, I, I, I, I);
I CALL(path_filestat_get)(I fd, I flags, I path, I length, I result) {
    struct filestat0 old;
    I error = snapshot0_path_filestat_get(fd, flags, path, length, (I)&old);
    if (!error) translate(&old, (struct filestat1 *)result);
    return error;
}

SAME(path_filestat_set_times, (I a, I b, I c, I d, L e, L f, I g), (a, b, c, d, e, f, g))
SAME(path_link, (I a, I b, I c, I d, I e, I f, I g), (a, b, c, d, e, f, g))
SAME(path_open, (I a, I b, I c, I d, I e, L f, L g, I h, I i), (a, b, c, d, e, f, g, h, i))
SAME(path_readlink, (I a, I b, I c, I d, I e, I f), (a, b, c, d, e, f))
SAME(path_remove_directory, (I a, I b, I c), (a, b, c))
SAME(path_rename, (I a, I b, I c, I d, I e, I f), (a, b, c, d, e, f))
SAME(path_symlink, (I a, I b, I c, I d, I e), (a, b, c, d, e))
SAME(path_unlink_file, (I a, I b, I c), (a, b, c))

struct subscription0 {
    uint64_t userdata;
    uint8_t tag;
    union {
        struct {
            uint64_t identifier;
            uint32_t id;
            uint64_t timeout, precision;
            uint16_t flags;
        } clock;
        uint32_t file_descriptor;
    };
};
struct subscription1 {
    uint64_t userdata;
    uint8_t tag;
    union {
        struct {
            uint32_t id;
            uint64_t timeout, precision;
            uint16_t flags;
        } clock;
        uint32_t file_descriptor;
    };
};
_Static_assert(sizeof(struct subscription0) == 56, "snapshot0's subscription");
_Static_assert(sizeof(struct subscription1) == 48, "snapshot1's subscription");

IMPORT(poll_oneoff) I snapshot0_poll_oneoff(I, I, I, I);
I CALL(poll_oneoff)(I subscriptions, I out, I count, I result) {
    const struct subscription1 *in = (const struct subscription1 *)subscriptions;
    struct subscription0 old[16];
    if (count > 16) return 28; /* EINVAL: more than this file cares for */
    memset(old, 0, sizeof old);
    for (I i = 0; i < count; i++) {
        old[i].userdata = in[i].userdata;
        old[i].tag = in[i].tag;
        if (in[i].tag == 0) {
            old[i].clock.identifier = 0xfeedfacecafebeef;
            old[i].clock.id = in[i].clock.id;
            old[i].clock.timeout = in[i].clock.timeout;
            old[i].clock.precision = in[i].clock.precision;
            old[i].clock.flags = in[i].clock.flags;
        } else {
            old[i].file_descriptor = in[i].file_descriptor;
        }
    }
    return snapshot0_poll_oneoff((I)old, out, count, result);
}

IMPORT(proc_exit) _Noreturn void snapshot0_proc_exit(I);
_Noreturn void CALL(proc_exit)(I code) { snapshot0_proc_exit(code); }

SAME(sched_yield, (void), ())
SAME(random_get, (I a, I b), (a, b))

I CALL(sock_accept)(I fd, I flags, I result) { return 52; } /* ENOSYS: not in snapshot0 */
SAME(sock_recv, (I a, I b, I c, I d, I e, I f), (a, b, c, d, e, f))
SAME(sock_send, (I a, I b, I c, I d, I e), (a, b, c, d, e))
SAME(sock_shutdown, (I a, I b), (a, b))
