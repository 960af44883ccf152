(; Accesses are volatile; an address that is known is taken again. ;)
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
;;                                               | %3 = getelementptr i8, ptr %memory0, i64 %2
;;                                               | %4 = getelementptr i8, ptr %3, i64 8
;;                                               | %5 = load volatile i32, ptr %4, align 1, !alias.scope !memory, !noalias !context, !dbg 0x26
;;   0x29  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i32 %5
;; function 1 type 1, locals i32, 13 bytes at 0x2b
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;; define internal fastcc void @f1(ptr %0, i32 %1) #0 section ".text"
;;   0x2c  local.get 0 i32
;;   0x2e  i64.const -1
;;   0x30  i64.store offset=2415919104 align=8   | %2 = zext i32 %1 to i64
;;                                               | %3 = getelementptr i8, ptr %memory0, i64 %2
;;                                               | %4 = getelementptr i8, ptr %3, i64 2415919104
;;                                               | store volatile i64 -1, ptr %4, align 1, !alias.scope !memory, !noalias !context, !dbg 0x30
;;   0x37  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret void
;; function 2 type 0, locals i32, 10 bytes at 0x39
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 0
;; define internal fastcc i32 @f2(ptr %0, i32 %1) #0 section ".text"
;;   0x3a  i32.const 16
;;   0x3c  i32.load8_s align=1                   | %2 = getelementptr i8, ptr %memory0, i64 16
;;                                               | %3 = load volatile i8, ptr %2, align 1, !alias.scope !memory, !noalias !context, !dbg 0x3c
;;                                               | %4 = sext i8 %3 to i32, !dbg 0x3c
;;   0x3f  memory.size                           | %5 = getelementptr i8, ptr %0, i64 64
;;                                               | %6 = load ptr, ptr %5, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %7 = getelementptr i8, ptr %6, i64 8
;;                                               | %8 = load i64, ptr %7, align 8, !alias.scope !context, !noalias !memory
;;                                               | %9 = lshr i64 %8, 16
;;                                               | %10 = trunc i64 %9 to i32
;;   0x41  i32.add                               | %11 = add i32 %4, %10, !dbg 0x3c
;;   0x42  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i32 %11
