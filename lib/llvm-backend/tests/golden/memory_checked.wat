(; The same with comparisons instead of guard pages. ;)
;;! bounds checks
(module (memory 1)
  (func (param $p i32) (result i32)
    (i32.load offset=8 (local.get $p)))
  (func (param $p i32)
    (i64.store offset=0x90000000 (local.get $p) (i64.const -1)))
  (func (param $p i32) (result i32)
    (i32.add (i32.load8_s (i32.const 16)) (memory.size))))

;; function 0 type 0, locals i32, 7 bytes at 0x23
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;; define internal fastcc i32 @f0(ptr %0, i32 %1) #0 section ".text"
;;   0x24  local.get 0 i32
;;   0x26  i32.load offset=8 align=4             | %2 = zext i32 %1 to i64
;;                                               | %3 = getelementptr i8, ptr %0, i64 64
;;                                               | %4 = load ptr, ptr %3, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %5 = getelementptr i8, ptr %4, i64 8
;;                                               | %6 = load i64, ptr %5, align 8, !alias.scope !context, !noalias !memory
;;                                               | %7 = add nuw i64 %2, 12
;;                                               | %8 = icmp ugt i64 %7, %6
;;                                               | br i1 %8, label %t1, label %c1
;;                                               | c1:
;;                                               | %9 = load ptr, ptr %4, align 8, !alias.scope !context, !noalias !memory
;;                                               | %10 = getelementptr i8, ptr %9, i64 %2
;;                                               | %11 = getelementptr i8, ptr %10, i64 8
;;                                               | %12 = load volatile i32, ptr %11, align 1, !alias.scope !memory, !noalias !context, !dbg 0x26
;;   0x29  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %12
;; traps                                         | t1:
;;                                               | call void @trap.2() #3, !dbg 0x26
;;                                               | unreachable
;; function 1 type 1, locals i32, 13 bytes at 0x2b
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;; define internal fastcc void @f1(ptr %0, i32 %1) #0 section ".text"
;;   0x2c  local.get 0 i32
;;   0x2e  i64.const -1
;;   0x30  i64.store offset=2415919104 align=8   | %2 = zext i32 %1 to i64
;;                                               | %3 = getelementptr i8, ptr %0, i64 64
;;                                               | %4 = load ptr, ptr %3, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %5 = getelementptr i8, ptr %4, i64 8
;;                                               | %6 = load i64, ptr %5, align 8, !alias.scope !context, !noalias !memory
;;                                               | %7 = add nuw i64 %2, 2415919112
;;                                               | %8 = icmp ugt i64 %7, %6
;;                                               | br i1 %8, label %t1, label %c1
;;                                               | c1:
;;                                               | %9 = load ptr, ptr %4, align 8, !alias.scope !context, !noalias !memory
;;                                               | %10 = getelementptr i8, ptr %9, i64 %2
;;                                               | %11 = getelementptr i8, ptr %10, i64 2415919104
;;                                               | store volatile i64 -1, ptr %11, align 1, !alias.scope !memory, !noalias !context, !dbg 0x30
;;   0x37  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret void
;; traps                                         | t1:
;;                                               | call void @trap.2() #3, !dbg 0x30
;;                                               | unreachable
;; function 2 type 0, locals i32, 10 bytes at 0x39
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 0
;; define internal fastcc i32 @f2(ptr %0, i32 %1) #0 section ".text"
;;   0x3a  i32.const 16
;;   0x3c  i32.load8_s align=1                   | %2 = zext i32 16 to i64
;;                                               | %3 = getelementptr i8, ptr %0, i64 64
;;                                               | %4 = load ptr, ptr %3, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %5 = getelementptr i8, ptr %4, i64 8
;;                                               | %6 = load i64, ptr %5, align 8, !alias.scope !context, !noalias !memory
;;                                               | %7 = add nuw i64 %2, 1
;;                                               | %8 = icmp ugt i64 %7, %6
;;                                               | br i1 %8, label %t1, label %c1
;;                                               | c1:
;;                                               | %9 = load ptr, ptr %4, align 8, !alias.scope !context, !noalias !memory
;;                                               | %10 = getelementptr i8, ptr %9, i64 %2
;;                                               | %11 = load volatile i8, ptr %10, align 1, !alias.scope !memory, !noalias !context, !dbg 0x3c
;;                                               | %12 = sext i8 %11 to i32, !dbg 0x3c
;;   0x3f  memory.size                           | %13 = getelementptr i8, ptr %0, i64 64
;;                                               | %14 = load ptr, ptr %13, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %15 = getelementptr i8, ptr %14, i64 8
;;                                               | %16 = load i64, ptr %15, align 8, !alias.scope !context, !noalias !memory
;;                                               | %17 = lshr i64 %16, 16
;;                                               | %18 = trunc i64 %17 to i32
;;   0x41  i32.add                               | %19 = add i32 %12, %18, !dbg 0x3c
;;   0x42  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %19
;; traps                                         | t1:
;;                                               | call void @trap.2() #3, !dbg 0x3c
;;                                               | unreachable
