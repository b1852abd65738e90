def conv(inputs, size=1):
    return ["conv", size, inputs]


def pool(inputs):
    return ["pool", inputs]


x = "x"
"""@nni.mutable_layers(
{
    layer_choice: [conv(size=1), conv(size=3), pool()],
    optional_inputs: [x],
    optional_input_size: 1,
    layer_output: y
},
{
    layer_choice: [pool(), conv()],
    fixed_inputs: [x],
    optional_inputs: [x, y],
    optional_input_size: [0, 1],
    layer_output: out
})"""
print("y" in globals() and (y, out))
