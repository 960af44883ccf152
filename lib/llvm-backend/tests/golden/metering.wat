(; Points are read and written volatile, in front of what they count. ;)
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
;; define internal fastcc i32 @f0(ptr %0, i32 %1) #0 section ".text"
;;   0x20  internal.add_points 3                 | %2 = getelementptr i8, ptr %0, i64 24
;;                                               | %3 = load volatile i64, ptr %2, align 8, !alias.scope !context, !noalias !memory
;;                                               | %4 = add i64 %3, 3
;;                                               | store volatile i64 %4, ptr %2, align 8, !alias.scope !context, !noalias !memory
;;   0x20  block @1
;;   0x22    block @2
;;   0x24      loop @3                           | br label %l3
;;                                               | l3:
;;                                               | %5 = phi i32 [0, %entry], [%10, %c1]
;;                                               | %6 = phi i32 [%1, %entry], [%17, %c1]
;;   0x26        local.get 1 i32
;;   0x28        local.get 0 i32
;;   0x2a        i32.load align=4                | %7 = zext i32 %6 to i64
;;                                               | %8 = getelementptr i8, ptr %memory0, i64 %7
;;                                               | %9 = load volatile i32, ptr %8, align 1, !alias.scope !memory, !noalias !context, !dbg 0x2a
;;   0x2d        i32.add                         | %10 = add i32 %5, %9, !dbg 0x2a
;;   0x2e        local.set 1 i32
;;   0x30        internal.add_points 12          | %11 = getelementptr i8, ptr %0, i64 24
;;                                               | %12 = load volatile i64, ptr %11, align 8, !alias.scope !context, !noalias !memory
;;                                               | %13 = add i64 %12, 12
;;                                               | store volatile i64 %13, ptr %11, align 8, !alias.scope !context, !noalias !memory
;;   0x30        internal.check_points 1000      | %14 = getelementptr i8, ptr %0, i64 24
;;                                               | %15 = load volatile i64, ptr %14, align 8, !alias.scope !context, !noalias !memory
;;                                               | %16 = icmp uge i64 %15, 1000
;;                                               | br i1 %16, label %t1, label %c1
;;                                               | c1:
;;   0x30        local.get 0 i32
;;   0x32        i32.const 4
;;   0x34        i32.sub                         | %17 = sub i32 %6, 4
;;   0x35        local.tee 0 i32
;;   0x37        i32.const 0
;;   0x39        i32.gt_s                        | %18 = icmp sgt i32 %17, 0
;;   0x3a        br_if @3 height 0               | br i1 %18, label %l3, label %c2, !llvm.loop !loop
;;                                               | c2:
;;   0x3c        internal.add_points 5           | %19 = getelementptr i8, ptr %0, i64 24
;;                                               | %20 = load volatile i64, ptr %19, align 8, !alias.scope !context, !noalias !memory
;;                                               | %21 = add i64 %20, 5
;;                                               | store volatile i64 %21, ptr %19, align 8, !alias.scope !context, !noalias !memory
;;   0x3c      end @3 falls through
;;   0x3d    end @2 falls through
;;   0x3e  end @1 falls through
;;   0x3f  local.get 1 i32
;;   0x41  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i32 %10
;; traps                                         | t1:
;;                                               | call void @trap.12() #3, !dbg 0x30
;;                                               | unreachable
