      *> aliyun-mqtt: numbers of aliyun_mqtt.h for COBOL programs.
      *>
      *> Arguments are passed BY VALUE, results BY REFERENCE. Handles
      *> are USAGE POINTER. Texts are an address and a length in
      *> bytes: BY REFERENCE WS-TEXT BY VALUE SIZE AUTO WS-LENGTH,
      *> where WS-LENGTH is BINARY-DOUBLE. SIZE AUTO passes each item
      *> in its own size; without it GnuCOBOL passes 4 bytes.
      *>
      *> A function without a result is called RETURNING OMITTED, or
      *> RETURN-CODE has no meaning afterwards.

      *> Arguments.
       01  AMQ-ARGUMENTS.
           05  AMQ-TIMEOUT-DEFAULT      BINARY-DOUBLE VALUE -2.
           05  AMQ-TIMEOUT-NONE         BINARY-DOUBLE VALUE -1.
           05  AMQ-QOS-AT-MOST-ONCE     BINARY-LONG VALUE 0.
           05  AMQ-QOS-AT-LEAST-ONCE    BINARY-LONG VALUE 1.
           05  AMQ-QOS-EXACTLY-ONCE     BINARY-LONG VALUE 2.
           05  AMQ-AUTH-MODE-ENVIRONMENT BINARY-LONG VALUE 0.
           05  AMQ-AUTH-MODE-SIGNATURE  BINARY-LONG VALUE 1.
           05  AMQ-AUTH-MODE-TOKEN      BINARY-LONG VALUE 2.
           05  AMQ-AUTH-MODE-DEVICE     BINARY-LONG VALUE 3.
           05  AMQ-AUTH-MODE-CHAIN      BINARY-LONG VALUE 4.
           05  AMQ-TRUE                 BINARY-CHAR UNSIGNED VALUE 1.
           05  AMQ-FALSE                BINARY-CHAR UNSIGNED VALUE 0.

      *> CALL ... RETURNING AMQ-STATUS.
       01  AMQ-STATUS                   BINARY-LONG.
           88  AMQ-OK                   VALUE 0.
           88  AMQ-TIMEOUT              VALUE 1.
           88  AMQ-END                  VALUE 2.
           88  AMQ-FAILED               VALUE -99 THRU -1.
           88  AMQ-ERROR                VALUE -1.
           88  AMQ-ERROR-TIMEOUT        VALUE -2.
           88  AMQ-ERROR-MISUSE         VALUE -3.
           88  AMQ-ERROR-PANIC          VALUE -4.

      *> CALL "amq_error_kind" ... RETURNING AMQ-KIND.
       01  AMQ-KIND                     BINARY-LONG.
           88  AMQ-KIND-OTHER           VALUE 0.
           88  AMQ-KIND-CONFIG          VALUE 1.
           88  AMQ-KIND-INVALID         VALUE 2.
           88  AMQ-KIND-CREDENTIALS     VALUE 3.
           88  AMQ-KIND-TIMEOUT         VALUE 4.
           88  AMQ-KIND-RESOLVE         VALUE 5.
           88  AMQ-KIND-CONNECT         VALUE 6.
           88  AMQ-KIND-PROXY           VALUE 7.
           88  AMQ-KIND-TLS             VALUE 8.
           88  AMQ-KIND-REFUSED         VALUE 9.
           88  AMQ-KIND-PROTOCOL        VALUE 10.
           88  AMQ-KIND-CONNECTION-LOST VALUE 11.
           88  AMQ-KIND-REJECTED        VALUE 12.
           88  AMQ-KIND-SUSPECTED-REFUSAL VALUE 13.
           88  AMQ-KIND-TOKEN-INVALID   VALUE 14.
           88  AMQ-KIND-API             VALUE 15.
           88  AMQ-KIND-FULL            VALUE 16.
           88  AMQ-KIND-SPOOL           VALUE 17.
           88  AMQ-KIND-CLOSED          VALUE 18.
           88  AMQ-KIND-UNDELIVERED     VALUE 19.
           88  AMQ-KIND-FORKED          VALUE 20.
           88  AMQ-KIND-INTERNAL        VALUE 21.
           88  AMQ-KIND-MISUSE          VALUE 22.

      *> CALL "amq_error_fate" ... RETURNING AMQ-FATE.
       01  AMQ-FATE                     BINARY-LONG.
           88  AMQ-FATE-NONE            VALUE 0.
           88  AMQ-FATE-NOT-SENT        VALUE 1.
           88  AMQ-FATE-UNKNOWN         VALUE 2.
           88  AMQ-FATE-REFUSED         VALUE 3.
           88  AMQ-FATE-DELIVERED       VALUE 4.
           88  AMQ-FATE-SPOOLED         VALUE 5.
           88  AMQ-FATE-OTHER           VALUE 6.
