<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The kind of an event, with the fields of `Event` that it has.
 */
enum EventKind: int
{
    /** A kind that this version of the interface has no number for. */
    case Other = 0;

    /** A connection is ready for messages: isSessionPresent, number. */
    case Connected = 1;

    /** The connection was lost, or an attempt to make one failed: reason, retryIn. */
    case Disconnected = 2;

    /** A notice of the service: noticeKind and what belongs to it. */
    case Notice = 3;

    /** A subscription could not be restored and was given up: filter, reason. */
    case SubscriptionLost = 4;

    /** The service refuses a topic as a whole; messages to it are refused for a time: topic, retryIn, reason. */
    case TopicRefused = 5;

    /** The service has accepted a new token: tokenKind, expires. */
    case TokenRenewed = 6;

    /** There is no new token, or the service did not accept it: reason, retryIn. */
    case TokenRenewalFailed = 7;

    /** The spool's file was damaged and was renamed: path, reason. Kept for the first listener. */
    case SpoolSetAside = 8;

    /** A message above the limit was acknowledged and discarded: topic, size, reason. */
    case MessageSetAside = 9;

    /** The inbox is full. */
    case InboxFull = 10;

    /** A message that is not acknowledged holds back later acknowledgements: topic, taken, heldBack. */
    case AcksHeldBack = 11;

    /**
     * The client has ended; always the last event: reason (`Closed` if this program has ended it), untaken and
     * the topic of the first untaken message, unsentAcks.
     */
    case Ended = 12;
}
