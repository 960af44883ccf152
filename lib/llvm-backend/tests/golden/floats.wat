(; LLVM must not make too much of constants: they are fenced where they would be folded. ;)
(module
  (func (param $a f64) (param $b f64) (result f64)
    (f64.div (f64.mul (local.get $a) (local.get $b)) (f64.const 1)))
  (func (param $a f32) (param $b f32) (result i32)
    (f32.lt (local.get $a) (local.get $b)))
  (func (param $a f64) (param $b f64) (result f64)
    (f64.min (local.get $a) (local.get $b)))
  (func (param $a f64) (result i32)
    (i32.trunc_f64_s (local.get $a))))

;; function 0 type 0, locals f64 f64, 17 bytes at 0x27
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc double @f0(ptr %0, double %1, double %2) #0 section ".text"
;;   0x28  local.get 0 f64
;;   0x2a  local.get 1 f64
;;   0x2c  f64.mul                               | %3 = fmul double %1, %2
;;   0x2d  f64.const 0x3ff0000000000000
;;   0x36  f64.div                               | %4 = fdiv double %3, %fence0
;;   0x37  end @0 falls through                  | br label %ret
;; head                                          | %fence0 = call double asm "", "=x,0"(double 0x3FF0000000000000) #5
;; return                                        | ret:
;;                                               | ret double %4
;; function 1 type 1, locals f32 f32, 7 bytes at 0x39
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc i32 @f1(ptr %0, float %1, float %2) #0 section ".text"
;;   0x3a  local.get 0 f32
;;   0x3c  local.get 1 f32
;;   0x3e  f32.lt                                | %3 = fcmp olt float %1, %2
;;                                               | %4 = zext i1 %3 to i32
;;   0x3f  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %4
;; function 2 type 0, locals f64 f64, 7 bytes at 0x41
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc double @f2(ptr %0, double %1, double %2) #0 section ".text"
;;   0x42  local.get 0 f64
;;   0x44  local.get 1 f64
;;   0x46  f64.min                               | %3 = fcmp olt double %1, %2
;;                                               | %4 = select i1 %3, double %1, double %2
;;                                               | %5 = fcmp olt double %2, %1
;;                                               | %6 = select i1 %5, double %2, double %1
;;                                               | %7 = bitcast double %4 to i64
;;                                               | %8 = bitcast double %6 to i64
;;                                               | %9 = or i64 %7, %8
;;                                               | %10 = bitcast i64 %9 to double
;;                                               | %11 = fadd double %1, %2
;;                                               | %12 = fcmp uno double %1, %2
;;                                               | %13 = select i1 %12, double %11, double %10
;;   0x47  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret double %13
;; function 3 type 2, locals f64, 5 bytes at 0x49
;; stack 1, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f3(ptr %0, double %1) #0 section ".text"
;;   0x4a  local.get 0 f64
;;   0x4c  i32.trunc_f64_s                       | %2 = fcmp ogt double %1, 0xC1E0000000200000
;;                                               | %3 = fcmp olt double %1, 0x41E0000000000000
;;                                               | %4 = and i1 %2, %3
;;                                               | br i1 %4, label %c1, label %t1
;;                                               | c1:
;;                                               | %5 = fptosi double %1 to i32
;;   0x4d  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %5
;; traps                                         | t1:
;;                                               | %nan1 = fcmp uno double %1, 0.0
;;                                               | br i1 %nan1, label %u1, label %v1
;;                                               | u1:
;;                                               | call void @trap.9() #3, !dbg 0x4c
;;                                               | unreachable
;;                                               | v1:
;;                                               | call void @trap.8() #3, !dbg 0x4c
;;                                               | unreachable
