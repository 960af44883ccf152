(; Constants are multiplied by; the rest divides, with its two traps. ;)
(module
  (func (param $a i32) (result i32) (i32.div_u (local.get $a) (i32.const 10)))
  (func (param $a i32) (result i32) (i32.rem_s (local.get $a) (i32.const 7)))
  (func (param $a i32) (param $b i32) (result i32) (i32.div_s (local.get $a) (local.get $b))))

;; function 0 type 0, locals i32, 7 bytes at 0x20
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x21  local.get 0 i32
;;   0x23  i32.const 10
;;   0x25  i32.div_u
;;   0x26  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov rax, 0x199999999999999a
;;     mul r10
;;     mov eax, edx
;;   L0:
;;     leave
;;     ret
;; function 1 type 0, locals i32, 7 bytes at 0x28
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x29  local.get 0 i32
;;   0x2b  i32.const 7
;;   0x2d  i32.rem_s
;;   0x2e  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov eax, -0x6db6db6d
;;     movsxd rdx, r10d
;;     imul rax, rdx
;;     sar rax, 0x22
;;     shr rdx, 0x3f
;;     add eax, edx
;;     imul eax, eax, 7
;;     mov edx, r10d
;;     sub edx, eax
;;     mov eax, edx
;;   L0:
;;     leave
;;     ret
;; function 2 type 1, locals i32 i32, 7 bytes at 0x30
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;;   0x31  local.get 0 i32
;;   0x33  local.get 1 i32
;;   0x35  i32.div_s
;;   0x36  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r9d, edx
;;     mov eax, r10d
;;     cmp r9d, -1
;;     jne L1
;;     cmp eax, -0x80000000
;;     je L3
;;   L1:
;;     cdq
;;     idiv r9d                                ; trap INTEGER_DIVIDE_BY_ZERO at 0x35
;;   L2:
;;   L0:
;;     leave
;;     ret
;;   L3:
;;     hlt                                     ; trap INTEGER_OVERFLOW at 0x35
