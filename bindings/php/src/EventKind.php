<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The kind of an event.
 */
enum EventKind: int
{
    /** A kind that this version of the interface has no number for. */
    case Other = 0;

    /** A connection is ready for messages: session_present, number. */
    case Connected = 1;

    /** The connection was lost, or an attempt to make one failed: reason, retry_in. */
    case Disconnected = 2;

    /** A notice of the service: notice_kind and what belongs to it. */
    case Notice = 3;

    /** A subscription could not be restored and was given up: filter, reason. */
    case SubscriptionLost = 4;

    /** The service refuses a topic as a whole; messages to it are refused for a time: topic, retry_in, reason. */
    case TopicRefused = 5;

    /** The service has accepted a new token: token_kind, expires. */
    case TokenRenewed = 6;

    /** There is no new token, or the service did not accept it: reason, retry_in. */
    case TokenRenewalFailed = 7;

    /** The spool's file was damaged and was renamed: path, reason. Kept for the first listener. */
    case SpoolSetAside = 8;

    /** A message above the limit was acknowledged and discarded: topic, size, reason. */
    case MessageSetAside = 9;

    /** The inbox is full. */
    case InboxFull = 10;

    /** A message that is not acknowledged holds back later acknowledgements: topic, taken, held_back. */
    case AcksHeldBack = 11;

    /**
     * The client has ended; always the last event: reason (`Closed` if this program has ended it), untaken and
     * the topic of the first untaken message, unsent_acks.
     */
    case Ended = 12;
}
