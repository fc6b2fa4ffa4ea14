<?php

declare(strict_types=1);

/**
 * Calls the OpenAPI, with the signature V2 in the query, and returns the answer.
 *
 * @param array<string, string|int> $parameters
 * @return array<string, mixed>
 */
function api(string $action, array $parameters): array
{
    $query = $parameters + [
        'Action' => $action,
        'Version' => '2020-04-20',
        'Format' => 'JSON',
        'RegionId' => env('ALIYUN_MQTT_REGION_ID'),
        'InstanceId' => env('ALIYUN_MQTT_INSTANCE_ID'),
        'AccessKeyId' => env('ALIBABA_CLOUD_ACCESS_KEY_ID'),
        'SignatureMethod' => 'HMAC-SHA1',
        'SignatureVersion' => '1.0',
        'SignatureNonce' => bin2hex(random_bytes(16)),
        'Timestamp' => gmdate('Y-m-d\TH:i:s\Z'),
    ];
    ksort($query, SORT_STRING);
    $text = http_build_query($query, '', '&', PHP_QUERY_RFC3986);
    $signature = sign('POST&%2F&' . rawurlencode($text), env('ALIBABA_CLOUD_ACCESS_KEY_SECRET') . '&');
    $http = ['method' => 'POST', 'header' => 'Content-Length: 0', 'timeout' => 20, 'ignore_errors' => true];
    $url = env('ALIYUN_MQTT_API_ENDPOINT') . "/?$text&Signature=" . rawurlencode($signature);
    $answer = json_decode(file_get_contents($url, false, stream_context_create(['http' => $http])), true);
    if (($answer['Code'] ?? 200) !== 200) {
        throw new RuntimeException("$action: " . $answer['Code']);
    }
    return $answer;
}
