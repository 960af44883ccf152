(; A counted loop is written twice: plainly for when no access can trap, exactly for when one may. ;)
(module (memory 1)
  (func (export "sum") (param $n i32) (param $p i32) (result f32) (local $i i32) (local $sum f32)
    (loop $again
      (local.set $sum (f32.add (local.get $sum) (f32.load (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2))))))
      (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum)))

;; function 0 type 0, locals i32 i32 i32 f32, 39 bytes at 0x27
;; stack 4, labels 1, calls 0, call weight 0, memory accesses 1
;; local weights 8 8 24 17
;; loop @1 writes 3 2
;; define hidden float @f0(ptr %0, i32 %1, i32 %2) #0 section ".text"
;;   0x2c  loop @1                               | %3 = add i32 1, 0
;;                                               | %4 = add i32 0, %1
;;                                               | %5 = sext i32 %3 to i64
;;                                               | %6 = sext i32 %4 to i64
;;                                               | %7 = icmp sle i64 %6, 2147483647
;;                                               | %8 = sub i64 %6, %5
;;                                               | %9 = call i64 @llvm.smax.i64(i64 %8, i64 0)
;;                                               | %10 = add i64 %9, 0
;;                                               | %11 = udiv i64 %10, 1
;;                                               | %12 = getelementptr i8, ptr %0, i64 64
;;                                               | %13 = load ptr, ptr %12, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %14 = getelementptr i8, ptr %13, i64 8
;;                                               | %15 = load i64, ptr %14, align 8, !alias.scope !context, !noalias !memory
;;                                               | %16 = add i32 0, %2
;;                                               | %17 = mul i32 0, 4
;;                                               | %18 = add i32 %16, %17
;;                                               | %19 = zext i32 %18 to i64
;;                                               | %20 = mul i64 %11, 4
;;                                               | %21 = add i64 %19, %20
;;                                               | %22 = add i64 %21, 4
;;                                               | %23 = icmp ule i64 %22, %15
;;                                               | %24 = and i1 %7, %23
;;                                               | br i1 %24, label %p1, label %x1, !prof !likely
;;                                               | p1:
;;                                               | br label %q1
;;                                               | q1:
;;                                               | %25 = phi float [%fence0, %p1], [%33, %q1]
;;                                               | %26 = phi i32 [0, %p1], [%34, %q1]
;;   0x2e    local.get 3 f32
;;   0x30    local.get 1 i32
;;   0x32    local.get 2 i32
;;   0x34    i32.const 2
;;   0x36    i32.shl                             | %27 = and i32 2, 31
;;                                               | %28 = shl i32 %26, %27
;;   0x37    i32.add                             | %29 = add i32 %2, %28
;;   0x38    f32.load align=4                    | %30 = zext i32 %29 to i64
;;                                               | %31 = getelementptr i8, ptr %memory0, i64 %30
;;                                               | %32 = load float, ptr %31, align 1, !alias.scope !memory, !noalias !context, !dbg 0x38
;;   0x3b    f32.add                             | %33 = fadd float %25, %32, !dbg 0x38
;;   0x3c    local.set 3 f32
;;   0x3e    local.get 2 i32
;;   0x40    i32.const 1
;;   0x42    i32.add                             | %34 = add i32 %26, 1
;;   0x43    local.tee 2 i32
;;   0x45    local.get 0 i32
;;   0x47    i32.lt_s                            | %35 = icmp slt i32 %34, %1
;;   0x48    br_if @1 height 0                   | br i1 %35, label %q1, label %j1
;;                                               | x1:
;;   0x4a  end @1 falls through                  | br label %l1
;;                                               | l1:
;;                                               | %36 = phi float [%fence0, %x1], [%44, %l1]
;;                                               | %37 = phi i32 [0, %x1], [%45, %l1]
;;   0x2e    local.get 3 f32
;;   0x30    local.get 1 i32
;;   0x32    local.get 2 i32
;;   0x34    i32.const 2
;;   0x36    i32.shl                             | %38 = and i32 2, 31
;;                                               | %39 = shl i32 %37, %38
;;   0x37    i32.add                             | %40 = add i32 %2, %39
;;   0x38    f32.load align=4                    | %41 = zext i32 %40 to i64
;;                                               | %42 = getelementptr i8, ptr %memory0, i64 %41
;;                                               | %43 = load volatile float, ptr %42, align 1, !alias.scope !memory, !noalias !context, !dbg 0x38
;;   0x3b    f32.add                             | %44 = fadd float %36, %43, !dbg 0x38
;;   0x3c    local.set 3 f32
;;   0x3e    local.get 2 i32
;;   0x40    i32.const 1
;;   0x42    i32.add                             | %45 = add i32 %37, 1
;;   0x43    local.tee 2 i32
;;   0x45    local.get 0 i32
;;   0x47    i32.lt_s                            | %46 = icmp slt i32 %45, %1
;;   0x48    br_if @1 height 0                   | br i1 %46, label %l1, label %j1, !llvm.loop !rare_loop
;;                                               | j1:
;;   0x4a  end @1 falls through                  | %47 = phi i32 [%34, %q1], [%45, %l1]
;;                                               | %48 = phi float [%33, %q1], [%44, %l1]
;;   0x4b  local.get 3 f32
;;   0x4d  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %fence0 = call float asm "", "=x,0"(float 0x0000000000000000) #5
;; return                                        | ret:
;;                                               | ret float %48
