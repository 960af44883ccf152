;;! fast
(; Accesses that need not be exact are not volatile, and no loop is written twice. ;)
(module (memory 1)
  (func (export "sum") (param $n i32) (param $p i32) (result i32) (local $i i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.load (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2))))))
      (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum)))

;; function 0 type 0, locals i32 i32 i32 i32, 37 bytes at 0x27
;; stack 4, labels 1, calls 0, call weight 0, memory accesses 1
;; local weights 8 8 24 17
;; loop @1 writes 3 2
;; define hidden i32 @f0(ptr %0, i32 %1, i32 %2) #0 section ".text"
;;   0x2a  loop @1                               | br label %l1
;;                                               | l1:
;;                                               | %3 = phi i32 [0, %entry], [%11, %l1]
;;                                               | %4 = phi i32 [0, %entry], [%12, %l1]
;;   0x2c    local.get 3 i32
;;   0x2e    local.get 1 i32
;;   0x30    local.get 2 i32
;;   0x32    i32.const 2
;;   0x34    i32.shl                             | %5 = and i32 2, 31
;;                                               | %6 = shl i32 %4, %5
;;   0x35    i32.add                             | %7 = add i32 %2, %6
;;   0x36    i32.load align=4                    | %8 = zext i32 %7 to i64
;;                                               | %9 = getelementptr i8, ptr %memory0, i64 %8
;;                                               | %10 = load i32, ptr %9, align 1, !alias.scope !memory, !noalias !context, !dbg 0x36
;;   0x39    i32.add                             | %11 = add i32 %3, %10, !dbg 0x36
;;   0x3a    local.set 3 i32
;;   0x3c    local.get 2 i32
;;   0x3e    i32.const 1
;;   0x40    i32.add                             | %12 = add i32 %4, 1
;;   0x41    local.tee 2 i32
;;   0x43    local.get 0 i32
;;   0x45    i32.lt_s                            | %13 = icmp slt i32 %12, %1
;;   0x46    br_if @1 height 0                   | br i1 %13, label %l1, label %ret, !llvm.loop !loop
;;                                               | ret:
;;   0x48  end @1 falls through
;;   0x49  local.get 3 i32
;;   0x4b  end @0 falls through
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i32 %11
