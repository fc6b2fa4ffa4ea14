      *> Sends a message, receives it, and acknowledges it: curl by
      *> CALL "SYSTEM", and what it writes read as a file.
      *>
      *>     cobc -x -o send SEND.cob
      *>     RELAY_SOCKET=... RELAY_TOPIC=demo/hello ./send
       IDENTIFICATION DIVISION.
       PROGRAM-ID. SEND-MESSAGE.
       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT ANSWER ASSIGN TO "relay-answer.txt"
               ORGANIZATION IS LINE SEQUENTIAL.
       DATA DIVISION.
       FILE SECTION.
       FD  ANSWER.
       01  ANSWER-LINE             PIC X(4000).
       WORKING-STORAGE SECTION.
       01  CURL                    PIC X(160) VALUE
           "curl --silent --fail-with-body --unix-socket "
           & """$RELAY_SOCKET"" --output relay-answer.txt ".
       01  COMMAND-TEXT            PIC X(600).
       01  STATUS-OF-CALL          PIC S9(9) COMP-5.
       01  MESSAGE-ID              PIC X(80).
       01  REST                    PIC X(4000).
       01  ORDER-NUMBER            PIC 9(6) VALUE 4711.
       PROCEDURE DIVISION.
       MAIN-PROGRAM.
      *>   The order number is the key: a second run of the same order
      *>   sends nothing again.
           STRING FUNCTION TRIM(CURL) " --retry 3"
               " --header 'Idempotency-Key: order-" ORDER-NUMBER "'"
               " --data-binary 'Hello from COBOL'"
               " ""http://relay/v1/messages?topic=$RELAY_TOPIC"""
               DELIMITED BY SIZE INTO COMMAND-TEXT
           PERFORM CALL-RELAY
           DISPLAY FUNCTION TRIM(ANSWER-LINE)

           MOVE SPACES TO COMMAND-TEXT
           STRING FUNCTION TRIM(CURL)
               " ""http://relay/v1/messages?filter=$RELAY_TOPIC"
               "&max=1&wait=10"""
               DELIMITED BY SIZE INTO COMMAND-TEXT
           PERFORM CALL-RELAY
           DISPLAY FUNCTION TRIM(ANSWER-LINE)
           UNSTRING ANSWER-LINE DELIMITED BY """id"":"""
               INTO REST REST
           UNSTRING REST DELIMITED BY """" INTO MESSAGE-ID

           MOVE SPACES TO COMMAND-TEXT
           STRING FUNCTION TRIM(CURL) " --request DELETE"
               " ""http://relay/v1/messages/"
               FUNCTION TRIM(MESSAGE-ID) """"
               DELIMITED BY SIZE INTO COMMAND-TEXT
           PERFORM CALL-RELAY
           DISPLAY "acknowledged " FUNCTION TRIM(MESSAGE-ID)
           STOP RUN.

       CALL-RELAY.
           MOVE SPACES TO ANSWER-LINE
           CALL "SYSTEM" USING COMMAND-TEXT
           MOVE RETURN-CODE TO STATUS-OF-CALL
           MOVE ZERO TO RETURN-CODE
           OPEN INPUT ANSWER
           READ ANSWER AT END CONTINUE END-READ
           CLOSE ANSWER
           IF STATUS-OF-CALL NOT = 0
               DISPLAY "the call failed: " FUNCTION TRIM(ANSWER-LINE)
               MOVE 1 TO RETURN-CODE
               STOP RUN
           END-IF.
