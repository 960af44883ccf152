(; A trace is a call of a helper: four constants. ;)
;;! traced
(module
  (func (param i32) (result i32) (local.get 0)))

;; function 0 type 0, locals i32, 4 bytes at 0x18
;; stack 1, labels 0, calls 0, call weight 1, memory accesses 0
;; local weights 1
;;   0x18  internal.trace event 0, 0 0
;;   0x19  local.get 0 i32
;;   0x1b  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov rax, [rdi]
;;     cmp rsp, [rax]
;;     jb L1
;;     sub rsp, 0x10
;;     mov [rbp - 8], r15
;;     mov [rbp - 0x10], esi
;;     mov r15, rdi
;;     mov esi, 0
;;     mov edx, 0
;;     mov ecx, 0
;;     mov r8d, 0x18
;;     mov rdi, r15
;;     call qword ptr [table 13]               ; call site at 0x18
;;     mov eax, [rbp - 0x10]
;;   L0:
;;     mov r15, [rbp - 8]
;;     leave
;;     ret
;;   L1:
;;     hlt                                     ; trap STACK_OVERFLOW at 0x18
