/* Interruption that costs nothing until it is used: Ctrl-C, other signals, deadlines.
 *
 * Generated code polls nothing. When a signal finds the pc in wasm code, the handler makes
 * the interrupted code "call" a stub at that very instruction. The stub saves every register
 * and runs `safepoint` as ordinary code: the GIL is taken if it was released, Python's signal
 * handlers run, and an exception they raise (KeyboardInterrupt) unwinds to the entry. If they
 * raise none, all registers come back and the code goes on, bit for bit.
 *
 * What ends code is a fact that stays until it is taken back (deadline.c): a deadline that has passed,
 * a cancellation. Every way from Python into wasm code looks at `Thread.attention`, which is set
 * as long as one holds, so code cannot go on because somebody caught the exception.
 *
 * A signal may find the thread in a helper or a host function instead. Then it sets a mark that
 * is looked at when those end, and a timer of the thread's own sends its private signal
 * every millisecond until it finds wasm code. The mark also tells the next entry of a signal
 * that came just before it, where nothing could be stopped yet: that entry runs Python's handlers
 * itself. No timer runs without a signal or a deadline, or it would cut short what the program
 * does next, such as a write that waits. The same timer serves deadlines.
 *
 * Python runs signal handlers in the main thread. If that one waits while another runs wasm
 * code with the GIL held, the other is stopped for a moment to let go of the GIL. So it is for a thread that must
 * end and waits for the GIL to raise what ends it. */

#define RETRY_NANOSECONDS 1000000
#define RED_ZONE 128
#define HAND_OVER_MICROSECONDS 5000

__asm__(
    ".intel_syntax noprefix\n.text\n" FUNCTION(wasm_safepoint)
    "  pushfq\n  cld\n"
    "  push rax\n  push rcx\n  push rdx\n  push rbx\n  push rbp\n  push rsi\n  push rdi\n  push r8\n  push r9\n"
    "  push r10\n  push r11\n  push r12\n  push r13\n  push r14\n  push r15\n"
    "  mov rbp, rsp\n  and rsp, -64\n  sub rsp, 4096\n"
    "  xor eax, eax\n  lea rdi, [rsp+512]\n  mov ecx, 8\n  rep stosq\n"
    "  mov eax, 0xe7\n  xor edx, edx\n  xsave [rsp]\n"
    "  mov rdi, rbp\n  call safepoint\n"
    "  mov eax, 0xe7\n  xor edx, edx\n  xrstor [rsp]\n"
    "  mov rsp, rbp\n"
    "  pop r15\n  pop r14\n  pop r13\n  pop r12\n  pop r11\n  pop r10\n  pop r9\n  pop r8\n  pop rdi\n  pop rsi\n"
    "  pop rbp\n  pop rbx\n  pop rdx\n  pop rcx\n  pop rax\n  popfq\n  ret 128\n" /* over the red zone */
    ".att_syntax\n");
extern char wasm_safepoint[] __attribute__((visibility("hidden")));
enum { SAVED_RBP = 10, SAVED_PC = 16 };

static int watched_signals[65] = {SIGINT, SIGTERM, SIGALRM}, n_watched = 3;
static struct sigaction python_actions[65];  /* what Python had installed for them */
enum { KEEP_GIL, GIVE_GIL_TO_WHO_WAITS, GIVE_GIL_AND_STAY_AWAY };
static volatile int hand_over;  /* somebody else needs the GIL: one of these */

static uint64_t
now_nanoseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Make the thread's timer fire after a time and then every millisecond; 0 stops it. */
static void
set_timer(Thread *thread, uint64_t nanoseconds)
{
    struct itimerspec setting;
    if (!thread->has_timer)
        return;
    memset(&setting, 0, sizeof setting);
    if (nanoseconds) {
        setting.it_value.tv_sec = (time_t)(nanoseconds / 1000000000u);
        setting.it_value.tv_nsec = (long)(nanoseconds % 1000000000u);
        setting.it_interval.tv_nsec = RETRY_NANOSECONDS;
    }
    timer_settime(thread->timer, 0, &setting, NULL);
}

static void
ensure_timer(Thread *thread)
{
    struct sigevent event;
    if (thread->has_timer)
        return;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = private_signal;
    thread->id = (pid_t)syscall(SYS_gettid);
    event._sigev_un._tid = thread->id;
    thread->has_timer = timer_create(CLOCK_MONOTONIC, &event, &thread->timer) == 0;
    thread->timer_process = getpid();
}

/* Whether the thread's code must end now. Signal-safe. */
static int
is_over(Thread *thread)
{
    return __atomic_load_n(&thread->cancelled, __ATOMIC_SEQ_CST) ||
           (thread->deadline && now_nanoseconds() >= thread->deadline);
}

/* Outside of wasm code: let the timer fire when the deadline passes, stop it if there is none. What is over already
 * is marked, and the mark is looked at by every way into wasm code; the timer goes on until the outermost call is left,
 * for the sake of the GIL. Signal-safe. */
static void
watch_deadline(Thread *thread)
{
    uint64_t now = thread->deadline ? now_nanoseconds() : 0;
    uint64_t left = thread->deadline > now ? thread->deadline - now : 0;
    if (__atomic_load_n(&thread->cancelled, __ATOMIC_SEQ_CST) || (thread->deadline && !left)) {
        thread->attention = 1;
        left = thread->activation ? RETRY_NANOSECONDS : 0;
    }
    set_timer(thread, left);
}

/* Look at everything that may end code or that Python's handlers wait for. 0, or -1 with an exception. */
static int
attend_to(Thread *thread, const char *what)
{
    thread->attention = 0;
    watch_deadline(thread);  /* before signals are looked at: one that comes later sets the timer again */
    if (PyErr_CheckSignals() < 0)
        return -1;
    if (LIKELY(!is_over(thread)))
        return 0;
    thread->attention = 1;
    if (thread->cancelled)
        raise_error("Cancelled", "the call was cancelled %s", what);
    else
        raise_error("Timeout", "the deadline passed %s", what);
    return -1;
}

/* A signal came before this entry, or may have: Python's handlers run now. 0, or -1 with an exception. */
static NOINLINE int
attend_before(Thread *thread, Activation *activation)
{
    thread->activation = activation->previous;
    if (attend_to(thread, "before WebAssembly code was entered") < 0)
        return -1;
    thread->activation = activation;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (thread->attention)  /* one more, which armed no timer if this entry is the outermost */
        set_timer(thread, RETRY_NANOSECONDS);
    return 0;
}

/* A forked child has no timers, and only the thread that forked. Where a host function forked, that goes back to wasm. */
static void
after_fork(void)
{
    Thread *thread = this_thread;
    gil_runner = 0;
    hand_over = KEEP_GIL;
    n_safepoints = thread ? thread->safepoints : 0;
    n_released = thread ? thread->n_released : 0;
    if (!thread)
        return;
    thread->has_timer = thread->has_ticker = 0;
    ensure_timer(thread);
    ensure_ticker(thread);
    watch_deadline(thread);
    if (thread->activation && !thread->activation->released)
        gil_runner = thread->id;
}

/* If the context is in wasm code of this thread, let it call the stub. Signal-safe. */
static int
inject(void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    Thread *thread = this_thread;
    if (!thread || !thread->activation || !code_at((uintptr_t)registers[REG_RIP]))
        return 0;
    uintptr_t *sp = (uintptr_t *)((uintptr_t)registers[REG_RSP] - RED_ZONE - 8);
    *sp = (uintptr_t)registers[REG_RIP];
    registers[REG_RSP] = (greg_t)sp;
    registers[REG_RIP] = (greg_t)wasm_safepoint;
    return 1;
}

/* Let the thread that runs wasm code with the GIL, if it is another, let go of it for a moment. Signal-safe. */
static void
ask_for_gil(Thread *thread, int how)
{
    if (gil_runner && (!thread || gil_runner != thread->id)) {
        if (hand_over < how)
            hand_over = how;
        syscall(SYS_tgkill, getpid(), gil_runner, private_signal);
    }
}

/* Who waits for a notification looks what there is (waiting.c). Signal-safe. */
static inline void
ring(Thread *thread)
{
    if (thread)
        __atomic_add_fetch(&thread->bell, 1, __ATOMIC_SEQ_CST);
}

static void
watch_handler(int Py_UNUSED(signal), siginfo_t *info, void *context)
{
    int saved_errno = errno;
    Thread *thread = this_thread;
    if (info->si_code == SI_TIMER && info->si_value.sival_int == TICK) {
        if (thread && tick(thread, (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]))
            inject(context);
        errno = saved_errno;
        return;
    }
    ring(thread);
    if (thread && thread->activation == NULL)
        watch_deadline(thread);
    else if (!inject(context) && thread) {
        thread->attention = 1;
        if (info->si_code != SI_TIMER)
            set_timer(thread, RETRY_NANOSECONDS);
        else if (is_over(thread))  /* on its way out it may wait for the GIL, or be asleep: we cannot tell */
            ask_for_gil(thread, GIVE_GIL_TO_WHO_WAITS);
    }
    errno = saved_errno;
}

/* Python's own handler first, which notes the signal; then wasm code is made to look. */
static void
interrupt_handler(int signal, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    struct sigaction *python = &python_actions[signal];
    if (python->sa_flags & SA_SIGINFO)
        python->sa_sigaction(signal, info, context);
    else if (python->sa_handler != SIG_DFL && python->sa_handler != SIG_IGN)
        python->sa_handler(signal);
    ring(this_thread);
    if (!inject(context)) {
        Thread *thread = this_thread;
        if (thread)
            thread->attention = 1;
        if (thread && thread->activation)
            set_timer(thread, RETRY_NANOSECONDS);
        ask_for_gil(thread, GIVE_GIL_AND_STAY_AWAY);
    }
    errno = saved_errno;
}

/* The signal is private: one that nobody had taken when this was loaded. */
static void
install_watch(void)
{
    struct sigaction action;
    for (private_signal = SIGRTMIN + 11; private_signal < SIGRTMAX; private_signal++)
        if (sigaction(private_signal, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_DFL)
            break;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = watch_handler;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigaction(private_signal, &action, NULL);
    pthread_atfork(NULL, NULL, after_fork);
}

/* Python may run here, between two instructions of wasm code or in a helper: signal handlers, and whoever waits for
 * the GIL. Whether the activation must end, since a handler raised or the deadline has passed. */
static int
look_around(Thread *thread, uintptr_t pc, uintptr_t fp, uintptr_t sp)
{
    Activation *activation = thread->activation;
    PyThreadState *released = activation->released;
    if (released)
        PyEval_RestoreThread(released);
    count_stopped(thread, 1);
    uint64_t pending = (*(Store **)activation->vmctx)->pending_exception;  /* on its way to who catches it */
    (*(Store **)activation->vmctx)->pending_exception = 0;
    int failed = attend_to(thread, "while WebAssembly code was running") < 0;
    CodeObject *due = thread->due;
    thread->due = NULL;
    if (UNLIKELY(due != NULL) && !failed)
        failed = call_tick(due) < 0;
    int how = hand_over;
    if (how && !released) {
        hand_over = KEEP_GIL;
        PyThreadState *state = PyEval_SaveThread();  /* if somebody has waited for some time this does not return before */
        if (how == GIVE_GIL_AND_STAY_AWAY)
            usleep(HAND_OVER_MICROSECONDS);
        PyEval_RestoreThread(state);
    }
    thread->activation = activation;
    (*(Store **)activation->vmctx)->pending_exception = pending;
    count_stopped(thread, -1);
    if (failed) {
        thread->trap_pc = pc;
        capture_frames(thread, activation, pc, fp, sp);
    }
    if (released)
        activation->released = PyEval_SaveThread();
    else
        gil_runner = thread->id;  /* as after a host function */
    return failed;
}

static void
pause_at(Thread *thread, uintptr_t pc, uintptr_t fp, uintptr_t sp)
{
    if (look_around(thread, pc, fp, sp))
        unwind(thread, thread->activation, OUTCOME_EXCEPTION);
}

/* Called by the stub. */
__attribute__((used)) static void
safepoint(uintptr_t *saved)
{
    pause_at(this_thread, saved[SAVED_PC], saved[SAVED_RBP], (uintptr_t)(saved + SAVED_PC + 1) + RED_ZONE);
}

/* At the end of a helper or a host function that was running when a signal came. */
static NOINLINE void
attend(Thread *thread)
{
    pause_at(thread, 0, (uintptr_t)__builtin_frame_address(0), 0);
}
