<?php
// A back end in PHP (8.1 or newer), without packages: php -S 127.0.0.1:8000 php.php
// It answers at once. PHP ends with its response, so what takes longer belongs in a queue, whose worker posts to
// $request['callback']['url']; respond with 202 then.

const OLDEST_SECONDS = 300;

function is_signed(string $body): bool
{
    $secret = base64_decode(preg_replace('/^whsec_/', '', (string) getenv('REPLIES_HTTP_SECRET')));
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > OLDEST_SECONDS) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $secret, true));
    // While a secret changes there are two signatures: one of them must be right.
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($expected, $given)) {
            return true;
        }
    }
    return false;
}

function answer(array $request): mixed
{
    $message = $request['message'];
    if ($message['kind'] === 'event') {
        return $message['event'] === 'subscribe' ? 'Welcome!' : ['next' => true];
    }
    if ($message['kind'] !== 'text') {
        return ['next' => true];
    }
    return match ($message['content']) {
        'human' => ['replies' => 'A moment, please.', 'handOver' => 'asked for a person'],
        'site' => [
            'Here it is:',
            ['type' => 'news', 'articles' => [['title' => 'Our site', 'url' => 'https://www.example.com']]],
        ],
        default => "You said: {$message['content']} (after " . count($request['history']) . ' turns)',
    };
}

$body = file_get_contents('php://input');
header('content-type: application/json');
if (!is_signed($body)) {
    http_response_code(401);
    echo '"the signature is wrong"';
    return;
}
echo json_encode(answer(json_decode($body, true)), JSON_UNESCAPED_UNICODE);
