"""Functions of the image with overflow checks from whose code a panic can be called: `panics.py IMAGE`. They must be those of KEPT."""

import sys

from disassembly import instructions, reachable

# By the length arithmetic of the decoders and of `Fragments` and `Reassembly`, which the optimizer does not see through, and by `split_at` in
# `ReceiveAnswers` and `Inbox`.
KEPT = set("""
client_answers client_answers_to_bind client_listening client_reply
decode_endpoint decode_gssapi_message decode_method_offer decode_reply decode_request decode_user_pass
gssapi_client_level gssapi_client_token gssapi_server_level gssapi_server_token
link_inbox_poll link_inbox_room link_inbox_space link_inbox_unread link_next_fragment link_reassemble
offer_contains prepend_udp_header socks4_decode_request socks4_server_request server_choose_method server_offer server_request server_user_pass
""".split())


def main(image):
    code = instructions(image)
    own = {function for function in code if not function.startswith(("_", "deregister", "register", "frame_dummy"))}
    panicking = {function for function in own if "panic_reached" in reachable(code, function)}
    print(f"{len(own) - len(panicking)} of {len(own)} functions call no panic")
    for function in sorted(panicking ^ KEPT):
        print(f"{function}: {'calls a panic' if function in panicking else 'calls none any more: strike it from the list'}")
    return 0 if panicking == KEPT else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
