// The formats' names and PFNC's numbers for them.
#include "model/image/pixel_format.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// As EMVA's PFNC list of 32-bit values has them.
const std::vector<std::pair<std::string, uint32_t>>& Known() {
  static const auto* const kKnown = new std::vector<std::pair<std::string, uint32_t>>{
      {"Mono8", 0x01080001},
      {"Mono10", 0x01100003},
      {"Mono12", 0x01100005},
      {"Mono14", 0x01100025},
      {"Mono16", 0x01100007},
      {"Mono10p", 0x010A0046},
      {"Mono12p", 0x010C0047},
      {"Mono10Packed", 0x010C0004},
      {"Mono12Packed", 0x010C0006},
      {"BayerGR8", 0x01080008},
      {"BayerRG8", 0x01080009},
      {"BayerGB8", 0x0108000A},
      {"BayerBG8", 0x0108000B},
      {"BayerGR10", 0x0110000C},
      {"BayerRG10", 0x0110000D},
      {"BayerGB10", 0x0110000E},
      {"BayerBG10", 0x0110000F},
      {"BayerGR12", 0x01100010},
      {"BayerRG12", 0x01100011},
      {"BayerGB12", 0x01100012},
      {"BayerBG12", 0x01100013},
      {"BayerGR16", 0x0110002E},
      {"BayerRG16", 0x0110002F},
      {"BayerGB16", 0x01100030},
      {"BayerBG16", 0x01100031},
      {"BayerGR10Packed", 0x010C0026},
      {"BayerRG10Packed", 0x010C0027},
      {"BayerGB10Packed", 0x010C0028},
      {"BayerBG10Packed", 0x010C0029},
      {"BayerGR12Packed", 0x010C002A},
      {"BayerRG12Packed", 0x010C002B},
      {"BayerGB12Packed", 0x010C002C},
      {"BayerBG12Packed", 0x010C002D},
      {"BayerGR10p", 0x010A0056},
      {"BayerRG10p", 0x010A0058},
      {"BayerGB10p", 0x010A0054},
      {"BayerBG10p", 0x010A0052},
      {"BayerGR12p", 0x010C0057},
      {"BayerRG12p", 0x010C0059},
      {"BayerGB12p", 0x010C0055},
      {"BayerBG12p", 0x010C0053},
      {"RGB8", 0x02180014},
      {"BGR8", 0x02180015},
      {"RGBa8", 0x02200016},
      {"BGRa8", 0x02200017},
      {"RGB10", 0x02300018},
      {"RGB12", 0x0230001A},
      {"RGB16", 0x02300033},
      {"YUV422_8", 0x02100032},
      {"YUV422_8_UYVY", 0x0210001F},
      {"YCbCr422_8", 0x0210003B},
  };
  return *kKnown;
}

TEST(PixelFormat, HasItsNameAndItsValue) {
  ASSERT_EQ(AllPixelFormats().size(), Known().size());
  for (const auto& [name, value] : Known()) {
    const std::optional<PixelFormat> format = PixelFormatFromName(name);
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(PixelFormatName(*format), name);
    EXPECT_EQ(PfncValue(*format), value) << name;
    EXPECT_EQ(PixelFormatFromPfncValue(value), format) << name;
  }
}

TEST(PixelFormat, IsListedOnce) {
  std::vector<PixelFormat> formats = AllPixelFormats();
  std::sort(formats.begin(), formats.end());
  EXPECT_EQ(std::adjacent_find(formats.begin(), formats.end()), formats.end());
}

TEST(PixelFormat, IsNoneOfWhatIsNotKnown) {
  EXPECT_EQ(PixelFormatFromName("mono8"), std::nullopt);
  EXPECT_EQ(PixelFormatFromName("YCbCr601_422_8"), std::nullopt);  // another range of values
  EXPECT_EQ(PixelFormatFromName(""), std::nullopt);
  EXPECT_EQ(PixelFormatFromPfncValue(0), std::nullopt);
  EXPECT_EQ(PfncValue(static_cast<PixelFormat>(1000)), 0U);
  EXPECT_EQ(PixelFormatName(static_cast<PixelFormat>(1000)), "unknown");
}

TEST(PixelFormat, TakesSignificantBitsWhereItsNameSaysSixteen) {
  for (const PixelFormat format : AllPixelFormats()) {
    const std::string name(PixelFormatName(format));
    EXPECT_EQ(TakesSignificantBits(format), name.substr(name.size() - 2) == "16") << name;
  }
}

}  // namespace
}  // namespace bayespfl
