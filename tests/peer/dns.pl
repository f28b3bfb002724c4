#!/usr/bin/perl
# A name server for the tests, which tells each question it is asked.
#
#   dns.pl ADDRESS READY NAME=ADDRESS[,ADDRESS]...
#
# UDP, port 53 of ADDRESS. IPv4 addresses for type A; other types of a known name have no records,
# and other names do not exist (RFC 1035). READY is written once it listens.
use strict;
use warnings;
use IO::Socket::INET;

my ($address, $ready, @names) = @ARGV;
my %known = map { split /=/, $_, 2 } @names;
my %types = (1 => 'A', 28 => 'AAAA');
$| = 1;
my $socket = IO::Socket::INET->new(LocalAddr => $address, LocalPort => 53, Proto => 'udp')
    or die "no port: $!";
open my $out, '>', $ready or die;
close $out;
while (1) {
    my $peer = $socket->recv(my $query, 4096);
    next unless defined $peer && length $query > 16;
    my ($rest, $name) = (substr($query, 12), '');
    while ((my $n = ord $rest) > 0) {
        $name .= '.' if length $name;
        $name .= substr $rest, 1, $n;
        $rest = substr $rest, 1 + $n;
    }
    my $type = unpack 'n', substr $rest, 1;
    print lc($name), ' ', $types{$type} // $type, "\n";
    my @found = $type == 1 ? split /,/, $known{lc $name} // '' : ();
    my $question = substr $query, 12, length($name) + 2 + 4;
    my $code = exists $known{lc $name} ? 0x8580 : 0x8583;
    my $answer = pack('a2nnnnn', $query, $code, 1, scalar @found, 0, 0) . $question;
    $answer .= pack 'nnnNna4', 0xc00c, 1, 1, 0, 4, IO::Socket::INET::inet_aton($_) for @found;
    $socket->send($answer, 0, $peer);
}
