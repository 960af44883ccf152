/* Faults become traps.
 *
 * The handler runs on an alternate stack. If the pc lies in wasm code and this thread is
 * inside an activation, it notes what happened, changes the interrupted context so that
 * execution continues at the landing, and returns. Anything else goes to whoever handled the
 * signal before: faulthandler, or the default.
 *
 * faulthandler may be enabled after this. Then it takes the fault first, dumps, puts back
 * what it found (this handler) and raises the signal again: that arrives with SI_TKILL while
 * the thread is on its signal stack, the handler returns, the instruction faults once more
 * and is handled. Not so when it was this handler that passed the fault on: then it is real,
 * and what comes back ends the process. A signal that a program raises itself finds the thread
 * on its ordinary stack, and is passed on. Instances re-assert the
 * handlers when they are made, so that the dump does not happen in the first place. */


static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
#define N_FAULT_SIGNALS ((int)(sizeof fault_signals / sizeof *fault_signals))
static struct sigaction previous_actions[65];

static void fault_handler(int signal, siginfo_t *info, void *context);

static void
install_handler(int signal, struct sigaction *old)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = fault_handler;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, old);
}

/* A handler that comes back so often to the same place with the same registers mends nothing. Another runtime's may be
 * called as often, by code that goes on meanwhile: its loops poll a page that is taken away again and again. */
#define MOST_RETURNS (1u << 16)

static __thread struct { uint64_t registers; uintptr_t address; uint32_t times; } passed
    __attribute__((tls_model("initial-exec")));

static uint64_t
sum_of_registers(const greg_t *registers)
{
    uint64_t sum = 0;
    for (int i = REG_R8; i <= REG_RIP; i++)
        sum = (sum ^ (uint64_t)registers[i]) * 0x100000001b3u;
    return sum;
}

/* By fault signal: an address in the frame that passes it on, in this thread. A handler that is left by jumping leaves it
 * behind; who comes from within the handler is further down the stack. */
static __thread uintptr_t passing_on[N_FAULT_SIGNALS] __attribute__((tls_model("initial-exec")));

static uintptr_t *
place_of(int signal)
{
    int at = 0;
    while (at < N_FAULT_SIGNALS - 1 && fault_signals[at] != signal)
        at++;
    return &passing_on[at];
}

static int
is_passing_on(uintptr_t frame)
{
    for (int i = 0; i < N_FAULT_SIGNALS; i++)
        if (frame < passing_on[i])
            return 1;
    return 0;
}

static void
pass_on(int signal, siginfo_t *info, void *context)
{
    struct sigaction old = previous_actions[signal];
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0), *place = place_of(signal), around = *place;
    if (frame < around) {  /* its handler failed, too */
        old.sa_flags = 0;
        old.sa_handler = SIG_DFL;
    }
    uint64_t registers = sum_of_registers(((ucontext_t *)context)->uc_mcontext.gregs);
    uintptr_t address = (uintptr_t)info->si_addr;
    passed.times = registers == passed.registers && address == passed.address ? passed.times + 1 : 0;
    passed.registers = registers;
    passed.address = address;
    if (passed.times > MOST_RETURNS) {
        old.sa_flags = 0;
        old.sa_handler = SIG_DFL;
    }
    *place = frame;
    if (old.sa_flags & SA_SIGINFO)
        old.sa_sigaction(signal, info, context);
    else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN)
        old.sa_handler(signal);
    else {
        sigaction(signal, &old, NULL);
        if (info->si_code <= 0)  /* sent, not a fault: it would not happen again by itself */
            raise(signal);
    }
    *place = around;
}

/* So far below its lowest address a fault is of the stack. What lies there is a guard, or nothing. */
#define STACK_GUARD_BYTES 65536

/* What it means that code touched an address it must not. An access out of bounds of a memory is one that the site
 * table lists, in a memory's slot; one of a null reference is listed, too, and lies where no page is. No frame is entered before it is known to fit, but the stack may still end where
 * it should not: a main thread's does not grow when there is no memory, or the limit was lowered meanwhile. */
static uint32_t
access_outcome(Thread *thread, Activation *activation, CodeObject *code, uint32_t offset, uintptr_t address)
{
    uint32_t kind = site_trap(code, offset);
    if (!kind)
        kind = site_range_trap(code, offset);
    if (kind == TRAP_MEMORY_OUT_OF_BOUNDS && in_memory_slot(address))
        return kind;
    if ((kind == TRAP_NULL_STRUCTURE || kind == TRAP_NULL_ARRAY) && address < OBJECT_NULL_PAGE_BYTES)
        return kind;
    if (address + STACK_GUARD_BYTES >= thread->stack_low && address < activation->entry_sp)
        return TRAP_STACK_OVERFLOW;
    return OUTCOME_INTERNAL;
}

/* What it means that an instruction failed by itself: one that is made to trap, or a division. An access to an
 * address that is none (not canonical) comes without it, as `hlt` does; that is a bug, whatever the table lists. */
static uint32_t
instruction_outcome(CodeObject *code, uint32_t offset, int signal, uintptr_t pc)
{
    uint32_t kind = site_trap(code, offset);
    int divides = kind == TRAP_INTEGER_DIVIDE_BY_ZERO || kind == TRAP_INTEGER_OVERFLOW;
    int expected = signal == SIGFPE                         ? divides
                   : signal == SIGSEGV || signal == SIGBUS ? *(const uint8_t *)pc == HLT
                                                            : 1;
    return kind && expected ? kind : OUTCOME_INTERNAL;
}

/* Whether what was touched is a page of code that its file no longer has, or the tables that say what happened are. */
static int
is_code_lost(const CodeObject *code, const siginfo_t *info, int signal, uint32_t outcome)
{
    if (!code->file)
        return 0;
    uintptr_t address = (uintptr_t)info->si_addr;
    if (signal == SIGBUS && info->si_code == BUS_ADRERR && address - (uintptr_t)code->base < code->code_bytes)
        return 1;
    return outcome == OUTCOME_INTERNAL && is_lost(code->file);
}

/* C code, this handler for one, read a page of code that its file no longer has: zeros from there on, which are never run,
 * as for the rest of the file (`mapping_lost`). */
static int
code_page_lost(uintptr_t address)
{
    CodeObject *code = code_at(address);
    if (!code || !code->file || !code->file->mapping)
        return 0;
    uintptr_t page = address & ~(uintptr_t)(PAGE - 1), end = (uintptr_t)code->mapping + code->mapping_bytes;
    __atomic_store_n(&code->file->mapping->lost, 1, __ATOMIC_RELEASE);
    return mmap((void *)page, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static void
fault_handler(int signal, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t pc = (uintptr_t)registers[REG_RIP];
    Thread *thread = this_thread;
    Activation *activation = thread ? thread->activation : NULL;
    CodeObject *code;
    uintptr_t touched = (uintptr_t)info->si_addr;
    if (signal == SIGBUS && info->si_code == BUS_ADRERR &&
        (mapping_lost(touched) || (!code_at(pc) && code_page_lost(touched)))) {
        errno = saved_errno;
        return;
    }
    if (signal == SIGSEGV && info->si_code > 0 && activation && (code = code_at(pc)) && code->loops &&
        enter_at_loop(code, context, pc)) {
        errno = saved_errno;
        return;
    }
    if (signal == SIGSEGV && info->si_code > 0 && is_guarded_write(touched)) {
        errno = saved_errno;
        return;
    }
    if (signal == SIGTRAP)
        pc -= 1;  /* int3 reports the address behind it */
    if (activation && info->si_code > 0 && (code = code_at(pc))) {
        uintptr_t sp = (uintptr_t)registers[REG_RSP];
        uint32_t offset = (uint32_t)(pc - (uintptr_t)code->base);
        int has_address = (signal == SIGSEGV || signal == SIGBUS) && info->si_code != SI_KERNEL;
        uint32_t outcome = has_address ? access_outcome(thread, activation, code, offset, touched)
                                       : instruction_outcome(code, offset, signal, pc);
        if (UNLIKELY(is_code_lost(code, info, signal, outcome)))
            outcome = OUTCOME_LOST;
        thread->trap_pc = pc;
        thread->trap_address = touched;
        thread->trap_signal = signal;
        capture_frames(thread, activation, pc, (uintptr_t)registers[REG_RBP], sp);
        activation->outcome = outcome;
        registers[REG_RSP] = (greg_t)activation->entry_sp;
        registers[REG_RIP] = (greg_t)wasm_landing;
        errno = saved_errno;
        return;
    }
    uintptr_t interrupted_sp = (uintptr_t)registers[REG_RSP];
    int on_ordinary_stack = activation && interrupted_sp >= thread->stack_low && interrupted_sp < activation->entry_sp;
    int from_beneath = is_passing_on((uintptr_t)__builtin_frame_address(0));
    if (activation && info->si_code == SI_TKILL && !from_beneath && !on_ordinary_stack) {
        install_handler(signal, NULL);
        errno = saved_errno;
        return;
    }
    pass_on(signal, info, context);
    errno = saved_errno;
}

static void
ensure_signal_stack(Thread *thread)
{
    stack_t current;
    if (sigaltstack(NULL, &current) == 0 && !(current.ss_flags & SS_DISABLE) && current.ss_size >= 32 * 1024)
        return;
    void *stack = mmap(NULL, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED)
        return;
    stack_t ours = {.ss_sp = stack, .ss_size = SIGNAL_STACK_BYTES, .ss_flags = 0};
    if (sigaltstack(&ours, NULL))
        munmap(stack, SIGNAL_STACK_BYTES);
    else
        thread->signal_stack = stack;
}
