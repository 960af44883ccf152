(; A limit beyond 31 bits goes through rax. ;)
;;! metered, a large limit
(module
  (func (loop (br 0))))

;; function 0 type 0, locals none, 7 bytes at 0x16
;; stack 0, labels 1, calls 0, call weight 0, memory accesses 0
;; loop @1 writes none
;;   0x17  internal.add_points 1
;;   0x17  loop @1
;;   0x19    internal.add_points 1
;;   0x19    internal.check_points 1099511627776
;;   0x19    br @1 height 0
;;   0x1b  end @1 unreached
;;   0x1c  end @0 unreached
;; --
;;     push rbp
;;     mov rbp, rsp
;;     add qword ptr [rdi + 0x18], 1
;;     .align 16
;;   L1:
;;     add qword ptr [rdi + 0x18], 1
;;     mov rax, 0x10000000000
;;     cmp [rdi + 0x18], rax
;;     jae L2
;;     jmp L1
;;   L0:
;;     leave
;;     ret
;;   L2:
;;     hlt                                     ; trap EXECUTION_LIMIT_EXCEEDED at 0x19
