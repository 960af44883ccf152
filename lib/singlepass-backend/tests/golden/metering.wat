(; Blocks are counted with what follows; the count is behind the load, which may trap, and far from the flags. ;)
;;! metered
(module
  (memory 1)
  (func (param $n i32) (result i32) (local $sum i32)
    (block $out (block $in
      (loop $again
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $n))))
        (br_if $again (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 4))) (i32.const 0))))))
    (local.get $sum)))

;; function 0 type 0, locals i32 i32, 37 bytes at 0x1d
;; stack 2, labels 3, calls 0, call weight 0, memory accesses 1
;; local weights 24 17
;; loop @3 writes 1 0
;;   0x20  internal.add_points 3
;;   0x20  block @1
;;   0x22    block @2
;;   0x24      loop @3
;;   0x26        local.get 1 i32
;;   0x28        local.get 0 i32
;;   0x2a        i32.load align=4
;;   0x2d        i32.add
;;   0x2e        local.set 1 i32
;;   0x30        internal.add_points 12
;;   0x30        internal.check_points 1000
;;   0x30        local.get 0 i32
;;   0x32        i32.const 4
;;   0x34        i32.sub
;;   0x35        local.tee 0 i32
;;   0x37        i32.const 0
;;   0x39        i32.gt_s
;;   0x3a        br_if @3 height 0
;;   0x3c        internal.add_points 5
;;   0x3c      end @3 falls through
;;   0x3d    end @2 falls through
;;   0x3e  end @1 falls through
;;   0x3f  local.get 1 i32
;;   0x41  end @0 falls through
;; --
;;     push rbp
;;     mov rbp, rsp
;;     mov r10d, esi
;;     mov r11, [rdi + 8]
;;     xor r9d, r9d
;;     add qword ptr [rdi + 0x18], 3
;;     .align 16
;;   L3:
;;     add r9d, [r11 + r10]                    ; trap MEMORY_OUT_OF_BOUNDS at 0x2a
;;     add qword ptr [rdi + 0x18], 0xc
;;     cmp qword ptr [rdi + 0x18], 0x3e8
;;     jae L4
;;     sub r10d, 4
;;     test r10d, r10d
;;     jg L3
;;     add qword ptr [rdi + 0x18], 5
;;     mov eax, r9d
;;   L0:
;;     leave
;;     ret
;;   L4:
;;     hlt                                     ; trap EXECUTION_LIMIT_EXCEEDED at 0x30
