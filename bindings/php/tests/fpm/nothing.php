<?php

/*
 * A page that makes no client.
 */

declare(strict_types=1);

echo getmypid(), ' ', class_exists('AliyunMqtt\Client', false) ? 'preloaded' : 'not loaded';
