(; Arguments change places all at once; what waits below goes to its slot. ;)
(module
  (import "env" "host" (func $host (param i32 f64) (result f64)))
  (type $binary (func (param i32 i32) (result i32)))
  (table 4 funcref)
  (func $sub (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func $swapped (type $binary) (call $sub (local.get 1) (local.get 0)))
  (func (param $i i32) (result i32)
    (i32.add (i32.mul (local.get $i) (local.get $i))
             (call_indirect (type $binary) (i32.const 5) (i32.const 6) (local.get $i))))
  (func (param $x f64) (result f64)
    (f64.add (local.get $x) (call $host (i32.const 1) (local.get $x))))
  (func $pair (param i64) (result i64 i64) (local.get 0) (i64.const 1))
  (func (result i64) (i64.sub (call $pair (i64.const 9)))))

;; function 1 type 0, locals i32 i32, 7 bytes at 0x4c
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x4d  local.get 0 i32
;;   0x4f  local.get 1 i32
;;   0x51  i32.sub
;;   0x52  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r9d, edx
;;     mov eax, r10d
;;     sub eax, r9d
;;   L0:
;;     leave
;;     ret
;; function 2 type 0, locals i32 i32, 8 bytes at 0x54
;; stack 2, labels 0, calls 1, call weight 1, memory accesses 0
;; local weights 1 1
;;   0x55  local.get 1 i32
;;   0x57  local.get 0 i32
;;   0x59  call 1 type 0
;;   0x5b  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L1
;;     sub rsp, 0x20
;;     mov [rbp - 8], r15
;;     mov [rbp - 0x10], esi
;;     mov [rbp - 0x18], edx
;;     mov r15, rdi
;;     mov esi, [rbp - 0x18]
;;     mov edx, [rbp - 0x10]
;;     mov rdi, r15
;;     call qword ptr [table 0]                ; call site at 0x59
;;   L0:
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x54
;; function 3 type 2, locals i32, 17 bytes at 0x5d
;; stack 4, labels 0, calls 1, call weight 1, memory accesses 0
;; local weights 3
;;   0x5e  local.get 0 i32
;;   0x60  local.get 0 i32
;;   0x62  i32.mul
;;   0x63  i32.const 5
;;   0x65  i32.const 6
;;   0x67  local.get 0 i32
;;   0x69  call_indirect type 0 table 0
;;   0x6c  i32.add
;;   0x6d  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L4
;;     sub rsp, 0x20
;;     mov [rbp - 8], rbx
;;     mov [rbp - 0x10], r15
;;     mov ebx, esi
;;     mov r15, rdi
;;     mov esi, ebx
;;     imul esi, ebx
;;     mov [rbp - 0x18], esi
;;     mov rcx, [r15 + 0x40]
;;     cmp ebx, [rcx + 8]
;;     jae L1
;;     mov rcx, [rcx]
;;     mov rax, [rcx + 8*rbx]
;;     test rax, rax
;;     je L2
;;     mov rcx, [r15 + 0x48]
;;     cmp rcx, [rax + 0x10]
;;     jne L3
;;     mov esi, 5
;;     mov edx, 6
;;     mov rdi, [rax + 8]
;;     call qword ptr [rax]                    ; call site at 0x69
;;     mov esi, eax
;;     mov eax, [rbp - 0x18]
;;     add eax, esi
;;   L0:
;;     mov rbx, [rbp - 8]
;;     mov r15, [rbp - 0x10]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap UNDEFINED_ELEMENT at 0x69
;;   L2:
;;     hlt                                     ; trap UNINITIALIZED_ELEMENT at 0x69
;;   L3:
;;     hlt                                     ; trap INDIRECT_CALL_TYPE_MISMATCH at 0x69
;;   L4:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x5d
;; function 4 type 3, locals f64, 11 bytes at 0x6f
;; stack 3, labels 0, calls 1, call weight 1, memory accesses 0
;; local weights 2
;;   0x70  local.get 0 f64
;;   0x72  i32.const 1
;;   0x74  local.get 0 f64
;;   0x76  call 0 type 1
;;   0x78  f64.add
;;   0x79  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L1
;;     sub rsp, 0x10
;;     mov [rbp - 8], r15
;;     movsd [rbp - 0x10], xmm0
;;     mov r15, rdi
;;     mov esi, 1
;;     movsd xmm0, [rbp - 0x10]
;;     mov rdi, [r15 + 0x88]
;;     call qword ptr [r15 + 0x80]             ; call site at 0x76
;;     movsd xmm15, [rbp - 0x10]
;;     vaddsd xmm0, xmm15, xmm0
;;   L0:
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x6f
;; function 5 type 4, locals i64, 6 bytes at 0x7b
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x7c  local.get 0 i64
;;   0x7e  i64.const 1
;;   0x80  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     sub rsp, 0x20
;;     mov [rbp - 8], rsi
;;     mov r10, rdx
;;     mov [rbp - 0x10], r10
;;     mov eax, 1
;;     mov [rbp - 0x18], rax
;;   L0:
;;     mov rcx, [rbp - 8]
;;     mov rax, [rbp - 0x18]
;;     mov [rcx], rax
;;     mov rax, [rbp - 0x10]
;;     leave
;;     ret
;; function 6 type 5, locals none, 7 bytes at 0x82
;; stack 2, labels 0, calls 1, call weight 1, memory accesses 0
;;   0x83  i64.const 9
;;   0x85  call 5 type 4
;;   0x87  i64.sub
;;   0x88  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L1
;;     sub rsp, 0x20
;;     mov [rbp - 8], r15
;;     mov r15, rdi
;;     mov edx, 9
;;     lea rsi, [rbp - 0x20]
;;     mov rdi, r15
;;     call qword ptr [table 4]                ; call site at 0x85
;;     mov rsi, rax
;;     mov rdi, [rbp - 0x20]
;;     mov rax, rsi
;;     sub rax, rdi
;;   L0:
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x82
