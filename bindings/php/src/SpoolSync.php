<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * When messages in the spool are synced to the disk. All of them survive the end of the process.
 */
enum SpoolSync: int
{
    /**
     * Before a message counts as accepted; concurrent callers share one sync. A power cut loses nothing,
     * provided that the disk honours syncs.
     */
    case Each = 0;

    /**
     * At an interval. A power cut loses the messages accepted since the last sync, and may leave a damaged
     * file.
     */
    case Interval = 1;

    /**
     * When the system decides. A power cut loses the messages of about the last half minute, and may leave a
     * damaged file.
     */
    case System = 2;
}
