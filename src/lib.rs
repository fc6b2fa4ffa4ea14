//! A blocking client for ApsaraMQ for MQTT.
