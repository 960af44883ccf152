(; A v128 travels as two i64; each operator sees it in its own shape. ;)
(module (memory 1)
  (func (param $p i32) (param $v v128) (result v128)
    (f32x4.add (v128.load (local.get $p)) (local.get $v)))
  (func (param $v v128) (param $n i32) (result v128)
    (i8x16.shl (local.get $v) (local.get $n)))
  (func (param $v v128) (result i32)
    (i16x8.all_true (i16x8.eq (local.get $v) (v128.const i16x8 0 1 2 3 4 5 6 7)))))

;; function 0 type 0, locals i32 v128, 13 bytes at 0x2b
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 1
;; local weights 1 1
;; define internal fastcc <2 x i64> @f0(ptr %0, i32 %1, <2 x i64> %2) #0 section ".text"
;;   0x2c  local.get 0 i32
;;   0x2e  v128.load align=16                    | %3 = zext i32 %1 to i64
;;                                               | %4 = getelementptr i8, ptr %memory0, i64 %3
;;                                               | %5 = load volatile <2 x i64>, ptr %4, align 1, !alias.scope !memory, !noalias !context, !dbg 0x2e
;;   0x32  local.get 1 v128
;;   0x34  f32x4.add                             | %6 = bitcast <2 x i64> %5 to <4 x float>, !dbg 0x2e
;;                                               | %7 = bitcast <2 x i64> %2 to <4 x float>
;;                                               | %8 = fadd <4 x float> %6, %7, !dbg 0x2e
;;                                               | %9 = bitcast <4 x float> %8 to <2 x i64>, !dbg 0x2e
;;   0x37  end @0 falls through                  | br label %ret
;; head                                          | %place0 = getelementptr i8, ptr %0, i64 8
;;                                               | %memory0 = load ptr, ptr %place0, align 8, !alias.scope !context, !noalias !memory, !invariant.load !nothing
;; return                                        | ret:
;;                                               | ret <2 x i64> %9
;; function 1 type 1, locals v128 i32, 8 bytes at 0x39
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1 1
;; define internal fastcc <2 x i64> @f1(ptr %0, <2 x i64> %1, i32 %2) #0 section ".text"
;;   0x3a  local.get 0 v128
;;   0x3c  local.get 1 i32
;;   0x3e  i8x16.shl                             | %3 = bitcast <2 x i64> %1 to <16 x i8>
;;                                               | %4 = and i32 %2, 7
;;                                               | %5 = trunc i32 %4 to i8
;;                                               | %6 = insertelement <16 x i8> poison, i8 %5, i32 0
;;                                               | %7 = shufflevector <16 x i8> %6, <16 x i8> poison, <16 x i32> zeroinitializer
;;                                               | %8 = shl <16 x i8> %3, %7
;;                                               | %9 = bitcast <16 x i8> %8 to <2 x i64>
;;   0x40  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret <2 x i64> %9
;; function 2 type 2, locals v128, 27 bytes at 0x42
;; stack 2, labels 0, calls 0, call weight 0, memory accesses 0
;; local weights 1
;; define internal fastcc i32 @f2(ptr %0, <2 x i64> %1) #0 section ".text"
;;   0x43  local.get 0 v128
;;   0x45  v128.const 0x00070006000500040003000200010000
;;   0x57  i16x8.eq                              | %2 = bitcast <2 x i64> %1 to <8 x i16>
;;                                               | %3 = bitcast <2 x i64> <i64 844433520132096, i64 1970350607106052> to <8 x i16>
;;                                               | %4 = icmp eq <8 x i16> %2, %3
;;                                               | %5 = sext <8 x i1> %4 to <8 x i16>
;;                                               | %6 = bitcast <8 x i16> %5 to <2 x i64>
;;   0x59  i16x8.all_true                        | %7 = bitcast <2 x i64> %6 to <8 x i16>
;;                                               | %8 = icmp ne <8 x i16> %7, zeroinitializer
;;                                               | %9 = bitcast <8 x i1> %8 to i8
;;                                               | %10 = icmp eq i8 %9, -1
;;                                               | %11 = zext i1 %10 to i32
;;   0x5c  end @0 falls through                  | br label %ret
;; return                                        | ret:
;;                                               | ret i32 %11
