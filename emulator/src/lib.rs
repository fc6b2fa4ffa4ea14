//! A local stand-in for ApsaraMQ for MQTT.
