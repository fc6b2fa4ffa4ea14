<?php

// The settings of the examples, with the names of the demo: copy it to config.php.
return [
    'access_key' => '', // the id of an AccessKey
    'secret_key' => '', // its secret
    'end_point' => '', // the instance's endpoint, such as post-cn-xxxx.mqtt.aliyuncs.com
    'instance_id' => '', // the instance's id, such as post-cn-xxxx
    'topic' => '', // the parent topic, made in the console
    'group_id' => '', // the group id, made in the console: GID_...
    // 'port' => 1883, // without it: TLS on 8883
    // 'token' => 'RW|...', // for connect_use_token_mode.php
];
