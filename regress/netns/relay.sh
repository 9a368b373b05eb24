# shellcheck shell=bash
# What tests of the relay share: four hosts in a row.  lan's traffic goes by
# near, the relay's client, to edge, its server, and from there to dest, whose
# log shows lan's own addresses and ports.  Source it after lib.sh.
RELAY=$TOP/regress/netns/relay.py
for m in lan near edge dest; do
	machine "$m"
done
link lan l0 "10.1.0.2/24 fd01::2/64" near n0 "10.1.0.1/24 fd01::1/64"
link near n1 "10.2.0.1/24 fd02::1/64" edge e0 "10.2.0.2/24 fd02::2/64"
link edge e1 "10.3.0.1/24 fd03::1/64" dest d0 "10.3.0.2/24 fd03::2/64"
on lan ip route add default via 10.1.0.1
on lan ip -6 route add default via fd01::1
on dest ip route add default via 10.3.0.1
on dest ip -6 route add default via fd03::1

# What comes back to lan's addresses is edge's.
edge_routes() {
	on edge ip route add local 10.1.0.0/24 dev lo
	on edge ip -6 route add local fd01::/64 dev lo table 30
	on edge ip -6 rule add to fd01::/64 ipproto tcp lookup 30
}
# serve MACHINE NAME PORT...
serve() {
	spawn "$1" "$2" python3 "$RELAY" serve "${@:3}" &&
	    wait_for 60 grep -q up "$T/$2.out" || skip_all "no server"
}
# start MACHINE CONFIGURATION PORT: its log is $T/MACHINE.d.err
start() {
	chmod 600 "$2"
	spawn "$1" "$1.d" "$OBJ/sbin/refractd" -d -f "$2" &&
	    wait_for 60 listening "$1" "$3"
}
said() { grep -q -- "$2" "$T/$1.d.err"; }
