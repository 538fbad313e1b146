"""libtorrent_announce.py PROXY_PORT TRACKER_PORT [USER PASSWORD]: announces to a UDP tracker through a proxy, prints its peers."""
import sys
import time

import libtorrent

proxy_port, tracker_port, *credentials = sys.argv[1:]
kind = libtorrent.proxy_type_t.socks5_pw if credentials else libtorrent.proxy_type_t.socks5
username, password = credentials or ("", "")
session = libtorrent.session({
    "alert_mask": libtorrent.alert.category_t.all_categories,
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_natpmp": False,
    "enable_upnp": False,
    "proxy_type": int(kind),
    "proxy_hostname": "127.0.0.1",
    "proxy_port": int(proxy_port),
    "proxy_username": username,
    "proxy_password": password,
})
torrent = libtorrent.parse_magnet_uri(f"magnet:?xt=urn:btih:{'ab' * 20}&tr=udp://127.0.0.1:{tracker_port}/announce")
torrent.save_path = "."
handle = session.add_torrent(torrent)
error = "no answer"
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    session.wait_for_alert(1000)
    for alert in session.pop_alerts():
        if isinstance(alert, libtorrent.tracker_reply_alert):
            print(alert.num_peers, "peers")
            sys.exit()
        if isinstance(alert, libtorrent.tracker_error_alert):  # such as before the association is there
            error = alert.message()
            time.sleep(0.1)
            handle.force_reannounce(0, -1, libtorrent.reannounce_flags_t.ignore_min_interval)
sys.exit(error)
