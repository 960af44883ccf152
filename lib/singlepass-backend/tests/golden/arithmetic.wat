(; Operands stay where they are; the result goes straight to the local it is stored in. ;)
(module
  (func (param $a i32) (param $b i32) (result i32)
    (i32.add (local.get $a) (local.get $b)))
  (func (param $a i32) (param $b i32) (result i32) (local $c i32)
    (local.set $c (i32.sub (local.get $b) (i32.const 7)))
    (local.set $a (i32.xor (local.get $c) (local.get $a)))
    (i32.mul (local.get $a) (i32.const 5)))
  (func (param $a i64) (param $n i64) (result i64)
    (i64.shl (i64.or (local.get $a) (i64.const 0x123456789)) (local.get $n))))

;; function 0:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r9d, edx
;;     lea eax, [r10 + r9]
;;   L0:
;;     leave
;;     ret
;; function 1:
;;     push rbp
;;     mov rbp, rsp
;;     sub rsp, 0x10
;;     mov [rbp - 8], edx
;;     mov r10d, esi
;;     mov r9d, [rbp - 8]
;;     sub r9d, 7
;;     xor r10d, r9d
;;     lea eax, [r10 + 4*r10]
;;   L0:
;;     leave
;;     ret
;; function 2:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10, rsi
;;     mov r9, rdx
;;     mov rsi, r10
;;     mov rcx, 0x123456789
;;     or rsi, rcx
;;     shlx rax, rsi, r9
;;   L0:
;;     leave
;;     ret
