/*
 * The protocols, a row each: ROW(number, name, transport, function, first
 * bytes).  There is no guard: it is read by whoever wants one column, with a
 * ROW of his own.  What speaks otherwise in datagrams has a row "NAME-udp".
 */
ROW(RP_TLS, "tls", TCP, probe_tls, FIRST("\026"))
ROW(RP_HTTP, "http", TCP, probe_http, FIRST(METHODS))
ROW(RP_HTTP2, "http2", TCP, probe_http2, FIRST("P"))
ROW(RP_SSH, "ssh", TCP, probe_ssh, FIRST("S"))
ROW(RP_FTP, "ftp", TCP, probe_ftp, FIRST("2UAFHSOPLuafhsopl"))
ROW(RP_SOCKS4, "socks4", TCP, probe_socks4, FIRST("\4"))
ROW(RP_SOCKS5, "socks5", TCP, probe_socks5, FIRST("\5"))
ROW(RP_SMTP, "smtp", TCP, probe_smtp, FIRST("EHLehl"))
ROW(RP_IMAP, "imap", TCP, probe_imap, FIRST("!#$&',-./0123456789:;<=>?@" UPPER
    "[]^_`" LOWER "|}~"))
ROW(RP_POP3, "pop3", TCP, probe_pop3, FIRST("CSAUcsau"))
ROW(RP_XMPP, "xmpp", TCP, probe_xmpp, FIRST("<"))
ROW(RP_OPENVPN, "openvpn", TCP, probe_openvpn, FIRST("\0\1\2\3\4\5\6"))
ROW(RP_TINC, "tinc", TCP, probe_tinc, FIRST("0"))
ROW(RP_RDP, "rdp", TCP, probe_rdp, FIRST("\3"))
ROW(RP_ADB, "adb", TCP, probe_adb, FIRST("\0CS"))
ROW(RP_MQTT, "mqtt", TCP, probe_mqtt, FIRST("\020"))
ROW(RP_POSTGRES, "postgres", TCP, probe_postgres, FIRST("\0"))
ROW(RP_MYSQL, "mysql", TCP, probe_mysql, ANY)
ROW(RP_REDIS, "redis", TCP, probe_redis, FIRST("*PAHISCQEpahiscqe"))
ROW(RP_BITTORRENT, "bittorrent", TCP, probe_bittorrent, FIRST("\023"))
ROW(RP_SYSLOG, "syslog", BOTH, probe_syslog, FIRST("<123456789"))
ROW(RP_MINECRAFT, "minecraft", TCP, probe_minecraft, ANY)
ROW(RP_PROXY, "proxy", TCP, probe_proxy, FIRST("P\r"))
ROW(RP_DNS, "dns", TCP, probe_dns, FIRST("\0\1\2\3\4\5\6\7\010\011"
    "\012\013\014\015\016\017\020"))
ROW(RP_DNS_UDP, "dns-udp", UDP, probe_dns_udp, ANY)
ROW(RP_QUIC, "quic", UDP, probe_quic, ANY)
ROW(RP_DTLS, "dtls", UDP, probe_dtls, FIRST("\026"))
ROW(RP_WIREGUARD, "wireguard", UDP, probe_wireguard, FIRST("\1\2\3\4"))
ROW(RP_STUN, "stun", UDP, probe_stun, ANY)
ROW(RP_OPENVPN_UDP, "openvpn-udp", UDP, probe_openvpn_udp,
    FIRST("\010\070\120"))
ROW(RP_SIP, "sip", BOTH, probe_sip, FIRST("IABCORPSNMU"))
ROW(RP_L2TP, "l2tp", UDP, probe_l2tp, FIRST("\310"))
ROW(RP_RADIUS, "radius", UDP, probe_radius, FIRST("\1\4\014\050\053"))
ROW(RP_NTP, "ntp", UDP, probe_ntp, FIRST(
    "\011\013\021\023\031\033\041\043"
    "\111\113\121\123\131\133\141\143"
    "\211\213\221\223\231\233\241\243"
    "\311\313\321\323\331\333\341\343"))
ROW(RP_BEDROCK, "bedrock", UDP, probe_bedrock, FIRST("\1\2\5\7"))
ROW(RP_TFTP, "tftp", UDP, probe_tftp, FIRST("\0"))
ROW(RP_SNMP, "snmp", UDP, probe_snmp, FIRST("0"))
ROW(RP_QUIC_OTHER, "quic-other", UDP, probe_quic_other, ANY)
