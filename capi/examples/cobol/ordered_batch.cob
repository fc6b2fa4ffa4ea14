      *> Publishes the lines of a file in ordered mode, one after
      *> another, and writes a report with the fate of each line. The
      *> first line that fails ends the batch: what is behind it is
      *> not sent, so that the sequence has no gap.
      *>
      *> ordered_batch BATCH-FILE REPORT-FILE
      *>
      *> The settings come from the environment. The program also
      *> receives its own messages, to show them.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. ordered_batch.

       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT BATCH-FILE ASSIGN TO WS-BATCH-NAME
               ORGANIZATION IS LINE SEQUENTIAL
               FILE STATUS IS WS-FILE-STATUS.
           SELECT REPORT-FILE ASSIGN TO WS-REPORT-NAME
               ORGANIZATION IS LINE SEQUENTIAL
               FILE STATUS IS WS-FILE-STATUS.

       DATA DIVISION.
       FILE SECTION.
       FD  BATCH-FILE.
       01  BATCH-LINE                   PIC X(256).
       FD  REPORT-FILE.
       01  REPORT-LINE                  PIC X(300).

       WORKING-STORAGE SECTION.
       COPY "aliyun_mqtt.cpy".

       01  WS-BATCH-NAME                PIC X(256).
       01  WS-REPORT-NAME               PIC X(256).
       01  WS-FILE-STATUS               PIC XX.
           88  WS-FILE-OK               VALUE "00".
       01  WS-END-OF-FILE               PIC 9 VALUE 0.
       01  WS-BATCH-FAILED              PIC 9 VALUE 0.
       01  WS-SENT                      PIC 9(6) VALUE 0.
       01  WS-RECEIVED                  PIC 9(6) VALUE 0.
       01  WS-PARENT                    PIC X(64).
       01  WS-TOPIC                     PIC X(128).
       01  WS-REASON                    PIC X(256) VALUE SPACES.

       01  WS-REPORT.
           05  WS-NUMBER                PIC 9(6) VALUE 0.
           05  FILLER                   PIC X VALUE SPACE.
           05  WS-FATE                  PIC X(12).
           05  FILLER                   PIC X VALUE SPACE.
           05  WS-TEXT                  PIC X(256).

      *> Handles of the library, and what it lends.
       01  WS-CONFIG                    USAGE POINTER.
       01  WS-CLIENT                    USAGE POINTER.
       01  WS-MESSAGE                   USAGE POINTER.
       01  WS-ERROR                     USAGE POINTER.
       01  WS-LENT                      USAGE POINTER.
       01  WS-LENT-LENGTH               BINARY-DOUBLE UNSIGNED.
       01  WS-OTHER                     USAGE POINTER.
       01  WS-OTHER-LENGTH              BINARY-DOUBLE UNSIGNED.
       01  WS-TOPIC-LENGTH              BINARY-DOUBLE UNSIGNED.
       01  WS-LINE-LENGTH               BINARY-DOUBLE UNSIGNED.
      *> How long to wait for a message, in milliseconds.
       01  WS-PATIENCE                  BINARY-DOUBLE VALUE 10000.

       LINKAGE SECTION.
       01  LK-LENT                      PIC X(65536).
       01  LK-OTHER                     PIC X(65536).

       PROCEDURE DIVISION.
       MAIN-PROGRAM.
           PERFORM OPEN-FILES
           PERFORM CONNECT-CLIENT
           PERFORM SUBSCRIBE-TOPIC
           PERFORM READ-LINE
           PERFORM UNTIL WS-END-OF-FILE = 1
               PERFORM HANDLE-LINE
               PERFORM READ-LINE
           END-PERFORM
           CLOSE BATCH-FILE REPORT-FILE
           PERFORM RECEIVE-ONE
               UNTIL WS-RECEIVED = WS-SENT OR WS-BATCH-FAILED = 1
           IF WS-BATCH-FAILED = 1
               PERFORM FAIL
           END-IF
           PERFORM DISCONNECT-CLIENT
           DISPLAY "done"
           MOVE 0 TO RETURN-CODE
           STOP RUN.

       OPEN-FILES.
           ACCEPT WS-BATCH-NAME FROM ARGUMENT-VALUE
           ACCEPT WS-REPORT-NAME FROM ARGUMENT-VALUE
           OPEN INPUT BATCH-FILE
           IF NOT WS-FILE-OK
               STRING "the batch cannot be read, file status "
                   WS-FILE-STATUS DELIMITED BY SIZE INTO WS-REASON
               PERFORM FAIL
           END-IF
           OPEN OUTPUT REPORT-FILE
           IF NOT WS-FILE-OK
               STRING "the report cannot be written, file status "
                   WS-FILE-STATUS DELIMITED BY SIZE INTO WS-REASON
               PERFORM FAIL
           END-IF.

       CONNECT-CLIENT.
           CALL "amq_config_from_env" RETURNING WS-CONFIG
           CALL "amq_config_set_ordered" USING
               BY VALUE SIZE AUTO WS-CONFIG AMQ-TRUE
               BY REFERENCE WS-ERROR
               RETURNING AMQ-STATUS
           PERFORM CHECK-STATUS
           CALL "amq_client_connect" USING
               BY VALUE WS-CONFIG
               BY REFERENCE WS-CLIENT WS-ERROR
               RETURNING AMQ-STATUS
           PERFORM CHECK-STATUS
           CALL "amq_config_free" USING BY VALUE WS-CONFIG
               RETURNING OMITTED
           CALL "amq_client_endpoint" USING
               BY VALUE WS-CLIENT
               BY REFERENCE WS-LENT-LENGTH
               RETURNING WS-LENT
           SET ADDRESS OF LK-LENT TO WS-LENT
           CALL "amq_client_id" USING
               BY VALUE WS-CLIENT
               BY REFERENCE WS-OTHER-LENGTH
               RETURNING WS-OTHER
           SET ADDRESS OF LK-OTHER TO WS-OTHER
           DISPLAY "connected to " LK-LENT(1:WS-LENT-LENGTH)
               " as " LK-OTHER(1:WS-OTHER-LENGTH).

       SUBSCRIBE-TOPIC.
           ACCEPT WS-PARENT FROM ENVIRONMENT "ALIYUN_MQTT_TOPIC"
           STRING FUNCTION TRIM(WS-PARENT) "/order"
               DELIMITED BY SIZE INTO WS-TOPIC
           COMPUTE WS-TOPIC-LENGTH =
               FUNCTION LENGTH(FUNCTION TRIM(WS-TOPIC))
           CALL "amq_client_subscribe" USING
               BY VALUE WS-CLIENT
               BY REFERENCE WS-TOPIC
               BY VALUE SIZE AUTO WS-TOPIC-LENGTH
                   AMQ-QOS-AT-LEAST-ONCE AMQ-TIMEOUT-DEFAULT
               BY REFERENCE OMITTED
               BY REFERENCE WS-ERROR
               RETURNING AMQ-STATUS
           PERFORM CHECK-STATUS.

       READ-LINE.
           READ BATCH-FILE AT END MOVE 1 TO WS-END-OF-FILE.

       HANDLE-LINE.
           ADD 1 TO WS-NUMBER
           MOVE BATCH-LINE TO WS-TEXT
           IF WS-BATCH-FAILED = 1
               MOVE "NOT SENT" TO WS-FATE
           ELSE
               PERFORM PUBLISH-LINE
           END-IF
           WRITE REPORT-LINE FROM WS-REPORT.

       PUBLISH-LINE.
           COMPUTE WS-LINE-LENGTH =
               FUNCTION LENGTH(FUNCTION TRIM(BATCH-LINE TRAILING))
      *> Blocks until the service has acknowledged the message.
           CALL "amq_client_publish" USING
               BY VALUE WS-CLIENT
               BY REFERENCE WS-TOPIC
               BY VALUE SIZE AUTO WS-TOPIC-LENGTH
                   AMQ-QOS-AT-LEAST-ONCE
               BY REFERENCE BATCH-LINE
               BY VALUE SIZE AUTO WS-LINE-LENGTH AMQ-TIMEOUT-DEFAULT
               BY REFERENCE WS-ERROR
               RETURNING AMQ-STATUS
           IF AMQ-OK
               MOVE "ACKNOWLEDGED" TO WS-FATE
               ADD 1 TO WS-SENT
               DISPLAY "published " BATCH-LINE(1:WS-LINE-LENGTH)
           ELSE
               MOVE 1 TO WS-BATCH-FAILED
               CALL "amq_error_fate" USING BY VALUE WS-ERROR
                   RETURNING AMQ-FATE
               EVALUATE TRUE
                   WHEN AMQ-FATE-NOT-SENT MOVE "NOT SENT" TO WS-FATE
                   WHEN AMQ-FATE-NONE     MOVE "NOT SENT" TO WS-FATE
                   WHEN AMQ-FATE-REFUSED  MOVE "REFUSED" TO WS-FATE
                   WHEN AMQ-FATE-SPOOLED  MOVE "SPOOLED" TO WS-FATE
                   WHEN OTHER             MOVE "UNKNOWN" TO WS-FATE
               END-EVALUATE
               PERFORM KEEP-REASON
           END-IF.

       RECEIVE-ONE.
           CALL "amq_client_recv" USING
               BY VALUE SIZE AUTO WS-CLIENT WS-PATIENCE
               BY REFERENCE WS-MESSAGE WS-ERROR
               RETURNING AMQ-STATUS
           PERFORM CHECK-STATUS
           IF NOT AMQ-OK
               MOVE "no message came within 10 seconds" TO WS-REASON
               PERFORM FAIL
           END-IF
           CALL "amq_message_topic" USING
               BY VALUE WS-MESSAGE
               BY REFERENCE WS-LENT-LENGTH
               RETURNING WS-LENT
           SET ADDRESS OF LK-LENT TO WS-LENT
           CALL "amq_message_payload" USING
               BY VALUE WS-MESSAGE
               BY REFERENCE WS-OTHER-LENGTH
               RETURNING WS-OTHER
           SET ADDRESS OF LK-OTHER TO WS-OTHER
           DISPLAY "received on " LK-LENT(1:WS-LENT-LENGTH)
               ": " LK-OTHER(1:WS-OTHER-LENGTH)
           CALL "amq_message_free" USING BY VALUE WS-MESSAGE
               RETURNING OMITTED
           ADD 1 TO WS-RECEIVED.

       DISCONNECT-CLIENT.
           CALL "amq_client_disconnect" USING
               BY VALUE SIZE AUTO WS-CLIENT AMQ-TIMEOUT-DEFAULT
               BY REFERENCE WS-ERROR
               RETURNING AMQ-STATUS
           PERFORM CHECK-STATUS
           CALL "amq_client_free" USING BY VALUE WS-CLIENT
               RETURNING OMITTED.

       CHECK-STATUS.
           IF AMQ-FAILED
               PERFORM KEEP-REASON
               PERFORM FAIL
           END-IF.

      *> Copies the text of the error, and frees it.
       KEEP-REASON.
           CALL "amq_error_text" USING
               BY VALUE WS-ERROR
               BY REFERENCE WS-LENT-LENGTH
               RETURNING WS-LENT
           SET ADDRESS OF LK-LENT TO WS-LENT
           MOVE LK-LENT(1:WS-LENT-LENGTH) TO WS-REASON
           CALL "amq_error_free" USING BY VALUE WS-ERROR
               RETURNING OMITTED.

       FAIL.
           DISPLAY "failed: " FUNCTION TRIM(WS-REASON) UPON SYSERR
           CLOSE BATCH-FILE REPORT-FILE
           MOVE 1 TO RETURN-CODE
           STOP RUN.
