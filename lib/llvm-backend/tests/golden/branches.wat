(; Where control joins, what differs between the paths becomes a phi. ;)
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
;; define internal fastcc i32 @f0(ptr %0, i32 %1) #0 section ".text"
;;   0x1d  loop @1                               | br label %l1
;;                                               | l1:
;;                                               | %2 = phi i32 [0, %entry], [%4, %l1]
;;                                               | %3 = phi i32 [%1, %entry], [%5, %l1]
;;   0x1f    local.get 1 i32
;;   0x21    local.get 0 i32
;;   0x23    i32.add                             | %4 = add i32 %2, %3
;;   0x24    local.set 1 i32
;;   0x26    local.get 0 i32
;;   0x28    i32.const 1
;;   0x2a    i32.sub                             | %5 = sub i32 %3, 1
;;   0x2b    local.tee 0 i32
;;   0x2d    i32.const 0
;;   0x2f    i32.gt_s                            | %6 = icmp sgt i32 %5, 0
;;   0x30    br_if @1 height 0                   | br i1 %6, label %l1, label %ret, !llvm.loop !loop
;;                                               | ret:
;;   0x32  end @1 falls through
;;   0x33  local.get 1 i32
;;   0x35  end @0 falls through
;; return                                        | ret:
;;                                               | ret i32 %4
;; function 1 type 0, locals i32, 16 bytes at 0x37
;; stack 2, labels 1, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f1(ptr %0, i32 %1) #0 section ".text"
;;   0x38  local.get 0 i32
;;   0x3a  i32.const 1
;;   0x3c  i32.and                               | %2 = and i32 %1, 1
;;   0x3d  i32.eqz                               | %3 = icmp eq i32 %2, 0
;;   0x3e  if @1 i32                             | br i1 %3, label %b1, label %n1
;;                                               | n1:
;;   0x40    i32.const 10
;;   0x42  else @1 falls through
;;   0x43    i32.const 20
;;   0x45  end @1 falls through, target          | br label %b1
;;                                               | b1:
;;                                               | %4 = phi i32 [10, %entry], [20, %n1]
;;   0x46  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %4
;; function 2 type 0, locals i32, 29 bytes at 0x48
;; stack 1, labels 3, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f2(ptr %0, i32 %1) #0 section ".text"
;;   0x49  block @1
;;   0x4b    block @2
;;   0x4d      block @3
;;   0x4f        local.get 0 i32
;;   0x51        br_table @3 height 0, @2 height 0, @1 height 0, @3 height 0, @2 height 0, default @1 height 0| switch i32 %1, label %s1.1 [i32 0, label %s1.3 i32 1, label %s1.2 i32 2, label %s1.1 i32 3, label %s1.3 i32 4, label %s1.2]
;;                                               | s1.3:
;;                                               | br label %b3
;;                                               | s1.2:
;;                                               | br label %b2
;;                                               | s1.1:
;;                                               | br label %b1
;;   0x59      end @3 target                     | b3:
;;   0x5a      i32.const 1
;;   0x5c      return arity 1                    | br label %ret
;;   0x5d    end @2 target                       | b2:
;;   0x5e    i32.const 2
;;   0x60    return arity 1                      | br label %ret
;;   0x61  end @1 target                         | b1:
;;   0x62  i32.const 3
;;   0x64  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | %2 = phi i32 [1, %b3], [2, %b2], [3, %b1]
;;                                               | ret i32 %2
