#!/usr/bin/perl
# Sends a message, receives it, and acknowledges it: with the modules of every Perl.
#
#     RELAY_SOCKET=/run/aliyun-mqtt/relay.sock RELAY_TOPIC=demo/hello perl send.pl
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP;

# One call on a connection of its own, which the relay closes after its answer.
sub call {
    my ($method, $uri, $body, @headers) = @_;
    $body //= '';
    my $socket = IO::Socket::UNIX->new(Peer => $ENV{RELAY_SOCKET}) or die "no relay: $!\n";
    print $socket join("\r\n", "$method $uri HTTP/1.1", 'Host: relay', 'Connection: close',
        'Content-Length: ' . length $body, @headers, '', $body);
    $socket->flush;
    my $answer = do { local $/; <$socket> };
    die "no answer, the fate is unknown\n" unless defined $answer;
    my ($head, $text) = split /\r\n\r\n/, $answer, 2;
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
    my $object = length $text ? decode_json($text) : {};
    die "$object->{title}: $object->{detail} (fate: @{[$object->{fate} // '-']})\n" if $status >= 400;
    return $object;
}

my $topic = $ENV{RELAY_TOPIC};
# With the key, the call may be repeated without sending the message twice.
my $key = sprintf '%x-%x-%x', time, $$, int rand 2**31;
my $sent = call('POST', "/v1/messages?topic=$topic&wait=10", 'Hello from Perl', "Idempotency-Key: $key");
print "$sent->{fate}\n";

my $taken = call('GET', "/v1/messages?filter=$topic&max=1&wait=10");
for my $message (@{ $taken->{messages} }) {
    print "$message->{topic} $message->{payload}\n";
    call('DELETE', "/v1/messages/$message->{id}");
    print "acknowledged $message->{id}\n";
}
