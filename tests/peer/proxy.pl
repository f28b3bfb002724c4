#!/usr/bin/perl
# A proxy that follows a script, read anew for each connection: a step a line.
#
#   proxy.pl PORT_FILE SCRIPT
#
#   head            reads an HTTP head, and tells its first line
#   read N          reads N bytes, and tells them in hexadecimal
#   send TEXT       with \r, \n and \xNN in it
#   drip TEXT       the same, a byte a packet
#   repeat N TEXT   the same, N times in all
#   tunnel PORT     to 127.0.0.1 from now on, while the script stays
#   hang            until the peer ends
#   reset           at once; the end of the script closes
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_LINGER TCP_NODELAY);

my ($port_file, $script) = @ARGV;
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
$| = 1;

sub bytes {
    my ($text) = @_;
    $text =~ s/\\(r|n|x([0-9a-f]{2}))/$1 eq 'r' ? "\r" : $1 eq 'n' ? "\n" : chr hex $2/ge;
    return $text;
}

sub send_all {
    my ($to, $data) = @_;
    while (length $data) {
        my $n = syswrite($to, $data) or return 0;
        $data = substr $data, $n;
    }
    return 1;
}

sub tunnel {
    my ($peer, $port) = @_;
    my $since = (stat $script)[1];
    my $far = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return;
    my $both = IO::Select->new($peer, $far);
    while (((stat $script)[1] // 0) == $since) {
        my @ready = $both->can_read(0.05);
        for my $from (@ready) {
            sysread($from, my $data, 65536) or return;
            send_all($from == $peer ? $far : $peer, $data) or return;
        }
    }
}

sub step {
    my ($peer, $what, $rest) = @_;
    if ($what eq 'head') {
        my $head = '';
        while ($head !~ /\r\n\r\n/) {
            sysread($peer, $head, 1, length $head) or exit;
        }
        print +(split /\r/, $head)[0], "\n";
    } elsif ($what eq 'read') {
        my $got = '';
        while (length $got < $rest) {
            sysread($peer, $got, $rest - length $got, length $got) or exit;
        }
        print unpack('H*', $got), "\n";
    } elsif ($what eq 'send') {
        send_all($peer, bytes($rest)) or exit;
    } elsif ($what eq 'drip') {
        for my $byte (split //, bytes($rest)) {
            send_all($peer, $byte) or exit;
            select undef, undef, undef, 0.001;
        }
    } elsif ($what eq 'repeat') {
        my ($n, $text) = split / /, $rest, 2;
        send_all($peer, bytes($text) x $n) or exit;
    } elsif ($what eq 'tunnel') {
        tunnel($peer, $rest);
        exit;
    } elsif ($what eq 'hang') {
        while (sysread($peer, my $data, 65536)) { }
    } elsif ($what eq 'reset') {
        setsockopt($peer, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0);
        exit;
    } else {
        print "no step '$what'\n";
        exit 1;
    }
}

my $listener = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or die "no port: $!";
open my $out, '>', "$port_file.new" or die;
print $out $listener->sockport, "\n";
close $out;
rename "$port_file.new", $port_file or die;
while (1) {
    my $peer = $listener->accept or next;
    setsockopt($peer, IPPROTO_TCP, TCP_NODELAY, 1);
    print "connection\n";
    if (fork == 0) {
        close $listener;
        open my $steps, '<', $script or exit 1;
        while (my $line = <$steps>) {
            chomp $line;
            step($peer, split(/ /, $line, 2), '');
        }
        # What the peer has sent and nobody read would make this a reset.
        shutdown $peer, 1;
        while (sysread($peer, my $data, 65536)) { }
        exit;
    }
    close $peer;
}
