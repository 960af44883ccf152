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

;; function 0 type 0, locals i32 i32, 28 bytes at 0x1a
;; stack 2, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 24 17
;; loop @1 writes 1 0
;;   0x1d  loop @1
;;   0x1f    local.get 1 i32
;;   0x21    local.get 0 i32
;;   0x23    i32.add
;;   0x24    local.set 1 i32
;;   0x26    local.get 0 i32
;;   0x28    i32.const 1
;;   0x2a    i32.sub
;;   0x2b    local.tee 0 i32
;;   0x2d    i32.const 0
;;   0x2f    i32.gt_s
;;   0x30    br_if @1 height 0
;;   0x32  end @1 falls through
;;   0x33  local.get 1 i32
;;   0x35  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     sub rsp, 0x10
;;     mov [rbp - 8], rdi
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
;; function 1 type 0, locals i32, 16 bytes at 0x37
;; stack 2, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x38  local.get 0 i32
;;   0x3a  i32.const 1
;;   0x3c  i32.and
;;   0x3d  i32.eqz
;;   0x3e  if @1 i32
;;   0x40    i32.const 10
;;   0x42  else @1 falls through
;;   0x43    i32.const 20
;;   0x45  end @1 falls through, target
;;   0x46  end @0 falls through
;; --
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
;; function 2 type 0, locals i32, 29 bytes at 0x48
;; stack 1, labels 3, calls 0, call weight 0, memory accesses 0
;; local weights 1
;;   0x49  block @1
;;   0x4b    block @2
;;   0x4d      block @3
;;   0x4f        local.get 0 i32
;;   0x51        br_table @3 height 0, @2 height 0, @1 height 0, @3 height 0, @2 height 0, default @1 height 0
;;   0x59      end @3 target
;;   0x5a      i32.const 1
;;   0x5c      return arity 1
;;   0x5d    end @2 target
;;   0x5e    i32.const 2
;;   0x60    return arity 1
;;   0x61  end @1 target
;;   0x62  i32.const 3
;;   0x64  end @0 falls through
;; --
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
