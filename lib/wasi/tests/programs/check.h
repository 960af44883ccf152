/* What the conformance programs share: each prints a line per step, with its errno if it failed. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Evaluate a call that returns -1 when it fails, and print what came of it. */
#define STEP(call)                                                                                                     \
    ({                                                                                                                 \
        errno = 0;                                                                                                     \
        long long result_ = (long long)(call);                                                                         \
        if (result_ < 0)                                                                                               \
            printf("%s: %s\n", #call, strerror(errno));                                                                \
        else                                                                                                           \
            printf("%s = %lld\n", #call, result_);                                                                     \
        result_;                                                                                                       \
    })

/* The same for a call that gives no number worth printing: a descriptor, an address. */
#define DONE(call)                                                                                                     \
    ({                                                                                                                 \
        errno = 0;                                                                                                     \
        long long result_ = (long long)(call);                                                                         \
        printf("%s: %s\n", #call, result_ < 0 ? strerror(errno) : "done");                                             \
        result_;                                                                                                       \
    })
