(; On a shared memory an access is one instruction that nothing goes past, or a loop around one; on another memory its
   parts follow one another. ;)
(module (memory $shared 1 2 shared) (memory $own 1)
  (func (param $p i32) (result i64)
    (i64.atomic.load offset=8 (local.get $p)))
  (func (param $p i32)
    (i32.atomic.store8 (local.get $p) (i32.const 7)))
  (func (param $p i32) (param $v i32) (result i32)
    (i32.atomic.rmw.sub offset=2 (local.get $p) (local.get $v)))
  (func (param $p i32) (param $v i64) (result i64)
    (i64.atomic.rmw16.and_u (local.get $p) (local.get $v)))
  (func (param $p i32) (result i32)
    (atomic.fence)
    (i32.atomic.rmw.cmpxchg (local.get $p) (i32.const 1) (i32.const 2)))
  (func (param $p i32) (result i32)
    (i32.atomic.rmw.add $own (local.get $p) (i32.const 1)))
  (func (param $p i32) (result i32)
    (memory.atomic.wait32 offset=4 (local.get $p) (i32.const 0) (i64.const -1))))

;; function 0 type 0, locals i32, 8 bytes at 0x3b
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;;   0x3c  local.get 0 i32
;;   0x3e  i64.atomic.load offset=8 align=8
;;   0x42  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r11, [rdi + 8]
;;     test r10b, 7
;;     jne L1
;;     mov rax, [r11 + r10 + 8]                ; trap MEMORY_OUT_OF_BOUNDS at 0x3e
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MISALIGNED_ATOMIC_ACCESS at 0x3e
;; function 1 type 1, locals i32, 10 bytes at 0x44
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;;   0x45  local.get 0 i32
;;   0x47  i32.const 7
;;   0x49  i32.atomic.store8 align=1
;;   0x4d  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r11, [rdi + 8]
;;     lea rcx, [r11 + r10]
;;     mov eax, 7
;;     xchg [rcx], al                          ; trap MEMORY_OUT_OF_BOUNDS at 0x49
;;   L0:
;;     leave
;;     ret
;; function 2 type 2, locals i32 i32, 10 bytes at 0x4f
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1 1
;;   0x50  local.get 0 i32
;;   0x52  local.get 1 i32
;;   0x54  i32.atomic.rmw.sub offset=2 align=4
;;   0x58  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r9d, edx
;;     mov r11, [rdi + 8]
;;     lea edx, [r10 + 2]
;;     test dl, 3
;;     jne L1
;;     lea rcx, [r11 + r10 + 2]
;;     mov rax, r9
;;     neg rax
;;     lock xadd [rcx], eax                    ; trap MEMORY_OUT_OF_BOUNDS at 0x54
;;     mov eax, eax
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MISALIGNED_ATOMIC_ACCESS at 0x54
;; function 3 type 3, locals i32 i64, 10 bytes at 0x5a
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1 1
;;   0x5b  local.get 0 i32
;;   0x5d  local.get 1 i64
;;   0x5f  i64.atomic.rmw16.and_u align=2
;;   0x63  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r9, rdx
;;     mov r11, [rdi + 8]
;;     test r10b, 1
;;     jne L1
;;     lea rcx, [r11 + r10]
;;     movzx eax, word ptr [rcx]               ; trap MEMORY_OUT_OF_BOUNDS at 0x5f
;;   L2:
;;     mov rdx, rax
;;     and rdx, r9
;;     lock cmpxchg [rcx], dx                  ; trap MEMORY_OUT_OF_BOUNDS at 0x5f
;;     jne L2
;;     movzx eax, ax
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MISALIGNED_ATOMIC_ACCESS at 0x5f
;; function 4 type 4, locals i32, 15 bytes at 0x65
;; stack 3, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;;   0x66  atomic.fence
;;   0x69  local.get 0 i32
;;   0x6b  i32.const 1
;;   0x6d  i32.const 2
;;   0x6f  i32.atomic.rmw.cmpxchg align=4
;;   0x73  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r11, [rdi + 8]
;;     lock or dword ptr [rsp], 0
;;     test r10b, 3
;;     jne L1
;;     lea rcx, [r11 + r10]
;;     mov eax, 1
;;     mov edx, 2
;;     lock cmpxchg [rcx], edx                 ; trap MEMORY_OUT_OF_BOUNDS at 0x6f
;;     mov eax, eax
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MISALIGNED_ATOMIC_ACCESS at 0x6f
;; function 5 type 4, locals i32, 11 bytes at 0x75
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;;   0x76  local.get 0 i32
;;   0x78  i32.const 1
;;   0x7a  i32.atomic.rmw.add align=4 memory=1
;;   0x7f  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r11, [rdi + 8]
;;     test r10b, 3
;;     jne L1
;;     mov esi, 1
;;     mov eax, r10d
;;     mov rcx, [rdi + 0x48]
;;     lea rdx, [rax + 4]
;;     cmp rdx, [rcx + 8]
;;     ja L2
;;     mov rdx, [rcx]
;;     lea rcx, [rdx + rax]
;;     mov eax, [rcx]                          ; trap MEMORY_OUT_OF_BOUNDS at 0x7a
;;     mov rdx, rax
;;     add rdx, rsi
;;     mov [rcx], edx                          ; trap MEMORY_OUT_OF_BOUNDS at 0x7a
;;     mov eax, eax
;;   L0:
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap MISALIGNED_ATOMIC_ACCESS at 0x7a
;;   L2:
;;     hlt                                     ; trap MEMORY_OUT_OF_BOUNDS at 0x7a
;; function 6 type 4, locals i32, 12 bytes at 0x81
;; stack 3, labels 0, calls 0, call weight 1, memory accesses 1
;; local weights 1
;;   0x82  local.get 0 i32
;;   0x84  i32.const 0
;;   0x86  i64.const -1
;;   0x88  memory.atomic.wait32 offset=4 align=4
;;   0x8c  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L1
;;     sub rsp, 0x20
;;     mov [rbp - 8], r14
;;     mov [rbp - 0x10], r15
;;     mov [rbp - 0x18], esi
;;     mov r15, rdi
;;     mov r14, [r15 + 8]
;;     mov esi, [rbp - 0x18]
;;     mov edx, 0
;;     mov rcx, -1
;;     mov r8d, 4
;;     mov r9d, 0
;;     mov rdi, r15
;;     call qword ptr [table 30]               ; call site at 0x88
;;   L0:
;;     mov r14, [rbp - 8]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x81
