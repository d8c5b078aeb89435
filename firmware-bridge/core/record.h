/* The record: what the integrator signed, as the cabinet keeps it. 200 bytes, little-endian:
 *
 *   0  u8[2]   'S' 'L'
 *   2  u8      format (1)
 *   3  u8      failure display: 0 flash, 1 all red, 2 dark
 *   4  u8[32]  node id, ASCII, padded with zeros
 *  36  16 x 8  channels, channel 1 first:
 *              u8 kind | flash << 4, u8 parallel channel (0 none), u16 yellow, u16 red clearance,
 *              u16 pedestrian clearance (ms)
 * 164  16 x u16 compatible channels: bit c-1 of row a-1 says that a and c may be lit together
 * 196  u32     CRC-32 (IEEE) of the 196 bytes before it: the record's checksum
 */
#ifndef STOPLINE_RECORD_H
#define STOPLINE_RECORD_H

#include <stdint.h>

#include "codes.h"
#include "limits.h"

#define SL_RECORD_BYTES 200
#define SL_RECORD_SITE 4
#define SL_RECORD_SITE_BYTES 32
#define SL_RECORD_CHANNELS 36
#define SL_RECORD_CHANNEL_BYTES 8
#define SL_RECORD_COMPATIBLE 164
#define SL_RECORD_CHECKSUM 196

uint32_t sl_record_checksum(const uint8_t *record);
/* 1 when magic, format, checksum, floors and the compatible matrix all hold. */
uint8_t sl_record_valid(const uint8_t *record);

uint8_t sl_record_kind(const uint8_t *record, uint8_t channel);
uint8_t sl_record_flash(const uint8_t *record, uint8_t channel);
/* Channels are 0 to 15 here; 0xFF for none. */
uint8_t sl_record_parallel(const uint8_t *record, uint8_t channel);
uint16_t sl_record_yellow(const uint8_t *record, uint8_t channel);
uint16_t sl_record_red_clearance(const uint8_t *record, uint8_t channel);
uint16_t sl_record_ped_clearance(const uint8_t *record, uint8_t channel);
uint16_t sl_record_compatible(const uint8_t *record, uint8_t channel);

#endif
