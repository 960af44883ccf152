/* memory.atomic.wait and notify: threads that wait at an address until another one notifies it.
 *
 * A shared memory never moves, and lives as long as somebody waits in it, so its address says which memory and where.
 * Who waits stands in a queue, by address, in order of arrival. That what is there is as expected is seen under
 * the lock under which one joins the queue and a notifier takes from it: what is stored before a notification is either
 * seen, or the thread is already there to be notified.
 *
 * A thread sleeps on a word of its own, its bell: it counts notifications and signals, so nothing can come between
 * a look at what there is and the sleep. A signal finds the thread there as in any helper: it stays in the queue
 * while Python's handlers run, and leaves it if the code must end. A row of the queue is no part of a stack: a handler may
 * switch greenlets, and then something else lies there.
 *
 * The lock is held for a few instructions, never by somebody who waits for the GIL or sleeps. */

typedef struct Waiter {
    const uint8_t *address;
    struct Waiter *next, *previous;
    Thread *thread;
    int woken;                 /* set once it is no more in the queue */
} Waiter;

#define QUEUES 256u

static struct { Waiter *first, *last; } queues[QUEUES];  /* by a part of the address */
static volatile size_t n_waiters;  /* in them, changed under the lock */
static pthread_mutex_t waiting = PTHREAD_MUTEX_INITIALIZER;

enum { NOTIFIED, NOT_AS_EXPECTED, TIME_IS_OVER, WANTS_ATTENTION = -1, NO_ROOM_TO_WAIT = -2 };

static inline unsigned
queue_of(const uint8_t *address)
{
    return (unsigned)((uintptr_t)address >> 2 ^ (uintptr_t)address >> 12) & (QUEUES - 1);
}

/* Under the lock. */
static void
queue_leave(Waiter *waiter)
{
    unsigned queue = queue_of(waiter->address);
    *(waiter->previous ? &waiter->previous->next : &queues[queue].first) = waiter->next;
    *(waiter->next ? &waiter->next->previous : &queues[queue].last) = waiter->previous;
    n_waiters--;
}

static void
lock_waiting(void)
{
    pthread_mutex_lock(&waiting);
}

static void
unlock_waiting(void)
{
    pthread_mutex_unlock(&waiting);
}

/* In a forked child only the thread that forked may wait: from a handler of a signal that came meanwhile. */
static void
only_this_waits(void)
{
    for (unsigned queue = 0; queue < QUEUES; queue++)
        for (Waiter *waiter = queues[queue].first, *next; waiter; waiter = next) {
            next = waiter->next;
            if (waiter->thread != this_thread)
                queue_leave(waiter);
        }
    unlock_waiting();
}

static void
install_waiting(void)
{
    pthread_atfork(lock_waiting, unlock_waiting, only_this_waits);
}

static void
wake(Thread *thread)
{
    __atomic_add_fetch(&thread->bell, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &thread->bell, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Wake those who wait there, the first `count` of them. Returns how many. */
static uint64_t
notify_waiters(const uint8_t *address, uint64_t count)
{
    uint64_t woken = 0;
    lock_waiting();
    for (Waiter *waiter = queues[queue_of(address)].first, *next; waiter && woken < count; waiter = next) {
        next = waiter->next;
        if (waiter->address != address)
            continue;
        queue_leave(waiter);
        waiter->woken = 1;
        wake(waiter->thread);  /* under the lock, which the waiter takes before it goes */
        woken++;
    }
    unlock_waiting();
    return woken;
}

/* Join the queue if what is there is as expected. Else NULL, and *how. */
static Waiter *
wait_begin(Thread *thread, const uint8_t *address, uint64_t expected, int wide, int *how)
{
    Waiter *waiter = malloc(sizeof *waiter);
    if (!waiter) {
        *how = NO_ROOM_TO_WAIT;
        return NULL;
    }
    *waiter = (Waiter){address, NULL, NULL, thread, 0};
    lock_waiting();
    uint64_t found = wide ? __atomic_load_n((const uint64_t *)address, __ATOMIC_SEQ_CST)
                          : __atomic_load_n((const uint32_t *)address, __ATOMIC_SEQ_CST);
    if (found != (wide ? expected : (uint32_t)expected)) {
        unlock_waiting();
        free(waiter);
        *how = NOT_AS_EXPECTED;
        return NULL;
    }
    unsigned queue = queue_of(address);
    waiter->previous = queues[queue].last;
    *(waiter->previous ? &waiter->previous->next : &queues[queue].first) = waiter;
    queues[queue].last = waiter;
    n_waiters++;
    unlock_waiting();
    return waiter;
}

/* It waits no more. Returns whether somebody notified it. */
static int
wait_end(Waiter *waiter)
{
    lock_waiting();
    int woken = waiter->woken;
    if (!woken)
        queue_leave(waiter);
    unlock_waiting();
    free(waiter);
    return woken;
}

#define LONGEST_SLEEP 3600000000000u /* of one call: one that has an end is never begun again by the kernel after a signal */

/* Sleep, without the GIL, until there is something to look at. */
static int
wait_sleep(Waiter *waiter, uint64_t end)
{
    Thread *thread = waiter->thread;
    for (;;) {
        uint32_t bell = __atomic_load_n(&thread->bell, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&waiter->woken, __ATOMIC_SEQ_CST))
            return NOTIFIED;
        if (thread->attention)
            return WANTS_ATTENTION;
        uint64_t now = now_nanoseconds(), until = end;
        if (now >= end)
            return TIME_IS_OVER;
        if (end - now > LONGEST_SLEEP)
            until = now + LONGEST_SLEEP;
        struct timespec time = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
        if (syscall(SYS_futex, &thread->bell, FUTEX_WAIT_BITSET_PRIVATE, bell, &time, NULL, FUTEX_BITSET_MATCH_ANY) < 0 &&
            errno == EINTR && !__atomic_load_n(&waiter->woken, __ATOMIC_SEQ_CST))
            return WANTS_ATTENTION;  /* of a signal that is not ours, too */
    }
}

/* `nanoseconds` from now, UINT64_MAX: never. */
static uint64_t
end_of_wait(uint64_t nanoseconds)
{
    uint64_t now = now_nanoseconds();
    return nanoseconds < UINT64_MAX - now ? now + nanoseconds : UINT64_MAX;
}

/* From a helper, with the GIL or without. Unwinds if the code must end. */
static int
wait_from_code(Thread *thread, const uint8_t *address, uint64_t expected, int wide, uint64_t nanoseconds)
{
    Activation *activation = thread->activation;
    uint64_t end = end_of_wait(nanoseconds);
    int how;
    Waiter *waiter = wait_begin(thread, address, expected, wide, &how);
    if (UNLIKELY(!waiter) && how == NO_ROOM_TO_WAIT) {
        take_gil(activation);
        PyErr_NoMemory();
        thread->trap_pc = 0;
        capture_frames(thread, activation, 0, (uintptr_t)__builtin_frame_address(0), 0);
        give_gil(activation);
        unwind(thread, activation, OUTCOME_EXCEPTION);
    }
    if (!waiter)
        return how;
    do {
        PyThreadState *state = activation->released ? NULL : PyEval_SaveThread();
        how = wait_sleep(waiter, end);
        if (state) {
            PyEval_RestoreThread(state);
            gil_runner = thread->id;
        }
        if (how == WANTS_ATTENTION && look_around(thread, 0, (uintptr_t)__builtin_frame_address(0), 0)) {
            wait_end(waiter);
            unwind(thread, activation, OUTCOME_EXCEPTION);
        }
    } while (how == WANTS_ATTENTION);
    return wait_end(waiter) ? NOTIFIED : TIME_IS_OVER;
}

/* From Python, with the GIL. WANTS_ATTENTION: with an exception. The caller keeps the memory alive. */
static int
wait_from_python(Thread *thread, const uint8_t *address, uint64_t expected, int wide, uint64_t nanoseconds)
{
    uint64_t end = end_of_wait(nanoseconds);
    int how;
    Waiter *waiter = wait_begin(thread, address, expected, wide, &how);
    if (!waiter) {
        if (how == NO_ROOM_TO_WAIT)
            PyErr_NoMemory();
        return how == NO_ROOM_TO_WAIT ? WANTS_ATTENTION : how;
    }
    do {
        PyThreadState *state = PyEval_SaveThread();
        how = wait_sleep(waiter, end);
        PyEval_RestoreThread(state);
        if (how == WANTS_ATTENTION && attend_to(thread, IN_HOST_FUNCTION) < 0) {
            wait_end(waiter);
            return WANTS_ATTENTION;
        }
    } while (how == WANTS_ATTENTION);
    return wait_end(waiter) ? NOTIFIED : TIME_IS_OVER;
}
