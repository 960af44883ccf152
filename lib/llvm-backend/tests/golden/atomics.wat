(; On a shared memory an access is one instruction that nothing goes past, or a loop around one; on another memory its
   parts follow one another. ;)
(module (memory $shared 1 2 shared) (memory $own 1)
  (func (param $p i32) (result i64)
    (i64.atomic.load offset=8 (local.get $p)))
  (func (param $p i32)
    (i32.atomic.store8 (local.get $p) (i32.const 7)))
  (func (param $p i32) (param $v i32) (result i32)
    (i32.atomic.rmw.sub offset=2 (local.get $p) (local.get $v)))
  (func (param $p i32) (param $v i64) (result i64)
    (i64.atomic.rmw16.and_u (local.get $p) (local.get $v)))
  (func (param $p i32) (result i32)
    (atomic.fence)
    (i32.atomic.rmw.cmpxchg (local.get $p) (i32.const 1) (i32.const 2)))
  (func (param $p i32) (result i32)
    (i32.atomic.rmw.add $own (local.get $p) (i32.const 1)))
  (func (param $p i32) (result i32)
    (memory.atomic.wait32 offset=4 (local.get $p) (i32.const 0) (i64.const -1))))

;; function 0 type 0, locals i32, 8 bytes at 0x3b
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;; define internal fastcc i64 @f0(ptr %0, i32 %1) #0 section ".text"
;;   0x3c  local.get 0 i32
;;   0x3e  i64.atomic.load offset=8 align=8      | %2 = and i32 %1, 7
;;                                               | %3 = icmp ne i32 %2, 0
;;                                               | br i1 %3, label %t1, label %c1
;;                                               | c1:
;;                                               | %4 = zext i32 %1 to i64
;;                                               | %5 = getelementptr i8, ptr %memory0, i64 %4
;;                                               | %6 = getelementptr i8, ptr %5, i64 8
;;                                               | %7 = load atomic i64, ptr %6 seq_cst, align 8, !alias.scope !memory, !noalias !context, !dbg 0x3e
;;   0x42  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i64 %7
;; traps                                         | t1:
;;                                               | call void @trap.11() #3, !dbg 0x3e
;;                                               | unreachable
;; function 1 type 1, locals i32, 10 bytes at 0x44
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;; define internal fastcc void @f1(ptr %0, i32 %1) #0 section ".text"
;;   0x45  local.get 0 i32
;;   0x47  i32.const 7
;;   0x49  i32.atomic.store8 align=1             | %2 = trunc i32 7 to i8
;;                                               | %3 = zext i32 %1 to i64
;;                                               | %4 = getelementptr i8, ptr %memory0, i64 %3
;;                                               | store atomic i8 %2, ptr %4 seq_cst, align 1, !alias.scope !memory, !noalias !context, !dbg 0x49
;;   0x4d  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret void
;; function 2 type 2, locals i32 i32, 10 bytes at 0x4f
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1 1
;; define internal fastcc i32 @f2(ptr %0, i32 %1, i32 %2) #0 section ".text"
;;   0x50  local.get 0 i32
;;   0x52  local.get 1 i32
;;   0x54  i32.atomic.rmw.sub offset=2 align=4   | %3 = add i32 %1, 2
;;                                               | %4 = and i32 %3, 3
;;                                               | %5 = icmp ne i32 %4, 0
;;                                               | br i1 %5, label %t1, label %c1
;;                                               | c1:
;;                                               | %6 = zext i32 %1 to i64
;;                                               | %7 = getelementptr i8, ptr %memory0, i64 %6
;;                                               | %8 = getelementptr i8, ptr %7, i64 2
;;                                               | %9 = atomicrmw volatile sub ptr %8, i32 %2 seq_cst, align 4, !alias.scope !memory, !noalias !context, !dbg 0x54
;;   0x58  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i32 %9
;; traps                                         | t1:
;;                                               | call void @trap.11() #3, !dbg 0x54
;;                                               | unreachable
;; function 3 type 3, locals i32 i64, 10 bytes at 0x5a
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1 1
;; define internal fastcc i64 @f3(ptr %0, i32 %1, i64 %2) #0 section ".text"
;;   0x5b  local.get 0 i32
;;   0x5d  local.get 1 i64
;;   0x5f  i64.atomic.rmw16.and_u align=2        | %3 = trunc i64 %2 to i16
;;                                               | %4 = and i32 %1, 1
;;                                               | %5 = icmp ne i32 %4, 0
;;                                               | br i1 %5, label %t1, label %c1
;;                                               | c1:
;;                                               | %6 = zext i32 %1 to i64
;;                                               | %7 = getelementptr i8, ptr %memory0, i64 %6
;;                                               | %8 = atomicrmw volatile and ptr %7, i16 %3 seq_cst, align 2, !alias.scope !memory, !noalias !context, !dbg 0x5f
;;                                               | %9 = zext i16 %8 to i64
;;   0x63  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i64 %9
;; traps                                         | t1:
;;                                               | call void @trap.11() #3, !dbg 0x5f
;;                                               | unreachable
;; function 4 type 4, locals i32, 15 bytes at 0x65
;; stack 3, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;; define internal fastcc i32 @f4(ptr %0, i32 %1) #0 section ".text"
;;   0x66  atomic.fence                          | fence seq_cst
;;   0x69  local.get 0 i32
;;   0x6b  i32.const 1
;;   0x6d  i32.const 2
;;   0x6f  i32.atomic.rmw.cmpxchg align=4        | %2 = and i32 %1, 3
;;                                               | %3 = icmp ne i32 %2, 0
;;                                               | br i1 %3, label %t1, label %c1
;;                                               | c1:
;;                                               | %4 = zext i32 %1 to i64
;;                                               | %5 = getelementptr i8, ptr %memory0, i64 %4
;;                                               | %6 = cmpxchg volatile ptr %5, i32 1, i32 2 seq_cst seq_cst, align 4, !alias.scope !memory, !noalias !context, !dbg 0x6f
;;                                               | %7 = extractvalue { i32, i1 } %6, 0
;;   0x73  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i32 %7
;; traps                                         | t1:
;;                                               | call void @trap.11() #3, !dbg 0x6f
;;                                               | unreachable
;; function 5 type 4, locals i32, 11 bytes at 0x75
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1
;; define internal fastcc i32 @f5(ptr %0, i32 %1) #0 section ".text"
;;   0x76  local.get 0 i32
;;   0x78  i32.const 1
;;   0x7a  i32.atomic.rmw.add align=4 memory=1   | %2 = and i32 %1, 3
;;                                               | %3 = icmp ne i32 %2, 0
;;                                               | br i1 %3, label %t1, label %c1
;;                                               | c1:
;;                                               | %4 = zext i32 %1 to i64
;;                                               | %5 = getelementptr i8, ptr %memory1, i64 %4
;;                                               | %6 = load volatile i32, ptr %5, align 4, !alias.scope !memory, !noalias !context, !dbg 0x7a
;;                                               | %7 = add i32 %6, 1
;;                                               | store volatile i32 %7, ptr %5, align 4, !alias.scope !memory, !noalias !context, !dbg 0x7a
;;   0x7f  end @0 falls through                  | br label %ret
;; head                                          | %pointer1 = getelementptr i8, ptr %0, i64 72
;;                                               | %definition1 = load ptr, ptr %pointer1, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;;                                               | %place1 = getelementptr i8, ptr %definition1, i64 0
;;                                               | %memory1 = load ptr, ptr %place1, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret i32 %6
;; traps                                         | t1:
;;                                               | call void @trap.11() #3, !dbg 0x7a
;;                                               | unreachable
;; function 6 type 4, locals i32, 12 bytes at 0x81
;; stack 3, labels 0, calls 0, call weight 1, memory accesses 1
;; local weights 1
;; define internal fastcc i32 @f6(ptr %0, i32 %1) #0 section ".text" prologue
;;   0x82  local.get 0 i32
;;   0x84  i32.const 0
;;   0x86  i64.const -1
;;   0x88  memory.atomic.wait32 offset=4 align=4 | %2 = zext i32 %1 to i64
;;                                               | %3 = load ptr, ptr getelementptr (i8, ptr @wasm.code, i64 -16), align 8, !alias.scope !context, !noalias !memory
;;                                               | %4 = call i32 %3(ptr %0, i64 %2, i32 0, i64 -1, i32 4, i32 0) #2, !dbg 0x88
;;   0x8c  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %4
