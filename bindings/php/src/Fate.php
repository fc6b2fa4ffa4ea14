<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The fate of a message that was not acknowledged, or of a request that was not answered.
 */
enum Fate: int
{
    /** It was never written to a connection: sending it again cannot duplicate it. */
    case NotSent = 1;

    /** It was written but not acknowledged: it may have been delivered. */
    case Unknown = 2;

    /** The service refused it, or probably did. */
    case Refused = 3;

    /** The server has the request, but no reply arrived. */
    case Delivered = 4;

    /**
     * This run has not delivered it, but it stays in the spool, and the next run sends it: do not send it again
     * yourself.
     */
    case Spooled = 5;

    /** A fate that this version of the interface has no number for: treat it as `Unknown`. */
    case Other = 6;
}
