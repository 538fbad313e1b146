//! UDP in TCP: decoders of its request and frames, and encoders of all that can be sent.

use socks5_sansio::udp_in_tcp::{GostDatagram, HevDatagram, UotConnectDatagram, UotDatagram, UotRequest};
use socks5_sansio::{Decode, Encode};

use crate::decode::decoders;
use crate::encode::{Value, encoders, written};
use crate::{Bytes, Out, Words};

decoders! {
    decode_hev_datagram: HevDatagram<'_>, report, input, datagram => {
        report.put(input.position(datagram.data));
        report.endpoint(input, &datagram.endpoint);
    };
    decode_gost_datagram: GostDatagram<'_>, report, input, datagram => {
        report.put(input.position(datagram.data));
        report.put([datagram.frag.into()]);
        report.endpoint(input, &datagram.endpoint);
    };
    decode_uot_request: UotRequest<'_>, report, input, request => {
        report.put([request.connect.into()]);
        report.endpoint(input, &request.destination);
    };
    decode_uot_datagram: UotDatagram<'_>, report, input, datagram => {
        report.put(input.position(datagram.data));
        report.endpoint(input, &datagram.endpoint);
    };
    decode_uot_connect_datagram: UotConnectDatagram<'_>, report, input, datagram => report.put(input.position(datagram.data));
}

encoders! {
    encode_hev_datagram(value) => value.endpoint().and_then(|endpoint| HevDatagram { endpoint, data: value.data() }.frame().ok());
    encode_gost_datagram(value) => value.endpoint().and_then(|endpoint| GostDatagram::new(endpoint, value.data()).frame().ok());
    encode_uot_request(value) => value.endpoint().map(|destination| UotRequest { connect: value.code as u8 != 0, destination });
    encode_uot_datagram(value) => value.endpoint().and_then(|endpoint| UotDatagram { endpoint, data: value.data() }.frame().ok());
    encode_uot_connect_datagram(value) => UotConnectDatagram { data: value.data() }.frame().ok();
}
