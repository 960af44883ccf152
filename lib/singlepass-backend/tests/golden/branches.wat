(; A comparison stays in the flags for the branch behind it. ;)
(module
  (func (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $again (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))
    (local.get $sum))
  (func (param $a i32) (result i32)
    (if (result i32) (i32.eqz (i32.and (local.get $a) (i32.const 1)))
      (then (i32.const 10))
      (else (i32.const 20))))
  (func (param $a i32) (result i32)
    (block $c (block $b (block $a
      (br_table $a $b $c $a $b $c (local.get $a)))
      (return (i32.const 1)))
      (return (i32.const 2)))
    (i32.const 3)))

;; function 0:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     xor r9d, r9d
;;     .align 16
;;   L1:
;;     add r9d, r10d
;;     sub r10d, 1
;;     test r10d, r10d
;;     jg L1
;;     mov eax, r9d
;;   L0:
;;     leave
;;     ret
;; function 1:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     test r10d, 1
;;     jne L2
;;     mov eax, 0xa
;;     jmp L1
;;   L2:
;;     mov eax, 0x14
;;   L1:
;;   L0:
;;     leave
;;     ret
;; function 2:
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     cmp r10d, 5
;;     jae L1
;;     lea rax, [L4]
;;     movsxd rcx, dword ptr [rax + 4*r10]
;;     add rax, rcx
;;     jmp rax
;;     .align 4
;;   L4:
;;     .long L3 - L4
;;     .long L2 - L4
;;     .long L1 - L4
;;     .long L3 - L4
;;     .long L2 - L4
;;   L3:
;;     mov eax, 1
;;     jmp L0
;;   L2:
;;     mov eax, 2
;;     jmp L0
;;   L1:
;;     mov eax, 3
;;   L0:
;;     leave
;;     ret
