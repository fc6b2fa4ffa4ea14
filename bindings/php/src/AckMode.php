<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * When a received QoS 1 or 2 message is acknowledged. The server keeps the message until then.
 */
enum AckMode: int
{
    /**
     * When the program takes it (`recv`). Messages that were received but not
     * taken are delivered again after a crash.
     */
    case OnTake = 0;

    /**
     * When it arrives. This gives the fewest duplicates, but a crash loses the messages that were not taken
     * yet.
     */
    case OnArrival = 1;

    /** When the program calls `Message::ack`. */
    case Manual = 2;
}
