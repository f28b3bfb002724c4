#!/usr/bin/perl
# An address that gives no answer to those who connect: its queue is full, and nobody accepts.
#
#   silent.pl ADDRESS PORT READY      READY is written once that is so
use strict;
use warnings;
use IO::Socket::IP;

my ($address, $port, $ready) = @ARGV;
my $listener = IO::Socket::IP->new(Listen => 1, LocalAddr => $address, LocalPort => $port)
    or die "no port: $!";
my @queue;
while (1) {
    my $one = IO::Socket::IP->new(PeerAddr => $address, PeerPort => $port, Timeout => 0.3)
        or last;
    push @queue, $one;
    die "the queue has no end" if @queue > 100;
}
open my $out, '>', $ready or die;
close $out;
sleep 1000;
