<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * A counter or gauge of a client.
 */
enum Stat: int
{
    /** Connections made (CONNACKs with code 0). */
    case Connections = 0;

    /** Messages accepted for sending. */
    case Published = 1;

    /** QoS 1 and 2 messages acknowledged by the server. */
    case Acknowledged = 2;

    /** Messages and requests sent again on a later connection. */
    case Retransmitted = 3;

    /** Messages put into the inbox. */
    case Received = 4;

    /** Redeliveries that were recognised and not queued again. */
    case Redelivered = 5;

    /** Replies given to the requests that waited for them. */
    case Replies = 6;

    /** Replies, including repetitions, that no request waited for any longer. They were dropped. */
    case LateReplies = 7;

    /** QoS 0 messages dropped because the inbox was full. */
    case DroppedFull = 8;

    /**
     * QoS 1 and 2 messages neither queued nor acknowledged because the inbox was full. The server sends them
     * again.
     */
    case RefusedFull = 9;

    /** Messages above `PacketLen`, acknowledged and discarded. */
    case SetAside = 10;

    /** Messages refused without being sent, since the service refuses their topic. */
    case RefusedTopic = 11;

    /** Messages and requests in the outbox: accepted and not settled. */
    case OutboxMessages = 12;

    /** Memory of the outbox, in bytes, without the copies that the connection holds of messages in flight. */
    case OutboxBytes = 13;

    /**
     * The window: how many messages and requests may be unacknowledged at this moment. It grows on a long line
     * (`Config::maxWindow`), and is 1 while the client searches for a message that makes the server close
     * connections.
     */
    case Window = 14;

    /**
     * Records in the spool's file, including those of settled messages that are not removed yet. 0 without a
     * spool.
     */
    case SpooledMessages = 15;

    /** Size of these records, in bytes, as `Config::spool` counts them. */
    case SpooledBytes = 16;

    /** Requests that wait for their reply. */
    case WaitingRequests = 17;

    /** Messages in the inbox. */
    case InboxMessages = 18;

    /** Memory of the inbox, in bytes. */
    case InboxBytes = 19;

    /** Received messages that are not acknowledged on the wire yet. */
    case Unacknowledged = 20;

    /**
     * Unacknowledged messages whose acknowledgement was given, but waits for that of an earlier message:
     * acknowledgements are sent in the order of receipt.
     */
    case HeldBack = 21;

    /** Messages in the inbox when the client ended, which the program had not taken by then. 0 before the end. */
    case Untaken = 22;

    /**
     * Threads of this process, of any client, that were left behind in a call of the operating system, such as
     * a name lookup or a blocked write. Each ends when its call returns.
     */
    case StrandedWorkers = 23;
}
