<?php
// Sends a message, receives it, and acknowledges it: with the curl extension.
//
//     RELAY_SOCKET=/run/aliyun-mqtt/relay.sock RELAY_TOPIC=demo/hello php send.php
declare(strict_types=1);

function call(string $method, string $path, array $query = [], ?string $body = null, array $headers = []): array
{
    // One handle for the whole process: with PHP-FPM, it keeps its connection over the calls of one request.
    static $curl = null;
    $curl ??= curl_init();
    curl_reset($curl);
    curl_setopt_array($curl, [
        CURLOPT_UNIX_SOCKET_PATH => getenv('RELAY_SOCKET'),
        CURLOPT_URL => 'http://relay' . $path . '?' . http_build_query($query),
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_HTTPHEADER => $headers,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 40,
    ]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
    }
    $text = curl_exec($curl);
    if ($text === false) {
        throw new RuntimeException('no answer, the fate is unknown: ' . curl_error($curl));
    }
    $answer = $text === '' ? [] : json_decode($text, true, 512, JSON_THROW_ON_ERROR);
    if (curl_getinfo($curl, CURLINFO_RESPONSE_CODE) >= 400) {
        throw new RuntimeException("{$answer['title']}: {$answer['detail']} (fate: " . ($answer['fate'] ?? '-') . ')');
    }
    return $answer;
}

$topic = getenv('RELAY_TOPIC');
// With the key, the call may be repeated without sending the message twice.
$key = bin2hex(random_bytes(16));
$headers = ["Idempotency-Key: $key", 'Content-Type: text/plain'];
$answer = call('POST', '/v1/messages', ['topic' => $topic, 'wait' => 10], 'Hello from PHP', $headers);
echo $answer['fate'], "\n";

$answer = call('GET', '/v1/messages', ['filter' => $topic, 'max' => 1, 'wait' => 10]);
foreach ($answer['messages'] as $message) {
    echo $message['topic'], ' ', $message['payload'] ?? base64_decode($message['payload_b64']), "\n";
    call('DELETE', "/v1/messages/{$message['id']}");
    echo "acknowledged {$message['id']}\n";
}
